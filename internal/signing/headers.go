package signing

import (
	"unibus/internal/bus"
	"unibus/internal/identity"
)

// Names of the headers that carry a signature.
const (
	SignatureInputHeader = "Signature-Input"
	SignatureHeader      = "Signature"
	ContentDigestHeader  = "Content-Digest"
)

// Headers are the values of those headers; empty ones are not sent.
type Headers struct{ SignatureInput, Signature, ContentDigest string }

// ReadHeaders takes the headers of a request by the function that returns all
// values of one, such as http.Header.Values. A header that stands twice is
// Invalid: what a proxy in between would read is anybody's guess.
func ReadHeaders(values func(name string) []string) (Headers, error) {
	var h Headers
	for name, value := range map[string]*string{
		SignatureInputHeader: &h.SignatureInput,
		SignatureHeader:      &h.Signature,
		ContentDigestHeader:  &h.ContentDigest,
	} {
		switch lines := values(name); len(lines) {
		case 0:
		case 1:
			*value = lines[0]
		default:
			return Headers{}, notProfile("%s stands more than once", name)
		}
	}
	return h, nil
}

// Sign signs a request of an endpoint on a bus. It sets the Key of r; all else
// must be there. Errors are those of CanonicalRequest and of the key.
func Sign(k identity.TransportKey, id bus.ID, r Request) (Headers, error) {
	r.Key = KeyID{Bus: id, Signer: k.Public()}
	base, input, err := CanonicalRequest(r)
	if err != nil {
		return Headers{}, err
	}
	signature, err := k.SignBase(base)
	if err != nil {
		return Headers{}, err
	}
	h := Headers{SignatureInput: input, Signature: namedBytes(label, signature)}
	if HasBody(r.Method) {
		h.ContentDigest = contentDigest(r.Digest)
	}
	return h, nil
}
