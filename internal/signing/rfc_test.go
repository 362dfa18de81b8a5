package signing

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"unibus/internal/identity"
)

// TestRFC9421B26 reproduces appendix B.2.6 of RFC 9421, with the key of B.1.4,
// bit for bit and by the serializer of the profile.
func TestRFC9421B26(t *testing.T) {
	t.Parallel()
	covered := []component{
		{"date", "Tue, 20 Apr 2021 02:07:55 GMT"},
		{"@method", "POST"},
		{"@path", "/foo"},
		{"@authority", "example.com"},
		{"content-type", "application/json"},
		{"content-length", "18"},
	}
	base, signatureParams := signatureBase(covered, `;created=1618884473;keyid="test-key-ed25519"`)
	wantParams := `("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`
	if signatureParams != wantParams {
		t.Errorf("parameters\n got %s\nwant %s", signatureParams, wantParams)
	}
	wantBase := strings.Join([]string{
		`"date": Tue, 20 Apr 2021 02:07:55 GMT`,
		`"@method": POST`,
		`"@path": /foo`,
		`"@authority": example.com`,
		`"content-type": application/json`,
		`"content-length": 18`,
		`"@signature-params": ` + wantParams,
	}, "\n")
	if string(base) != wantBase {
		t.Errorf("base\n got %s\nwant %s", base, wantBase)
	}
	key := rfcKey(t)
	signature := ed25519.Sign(key, base)
	want := "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
	if got := namedBytes("sig-b26", signature); got != want {
		t.Errorf("signature\n got %s\nwant %s", got, want)
	}
	public := identity.TransportID(key.Public().(ed25519.PublicKey))
	if !public.Verify(base, signature) {
		t.Error("the signature does not verify")
	}
}

func rfcKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return key.(ed25519.PrivateKey)
}
