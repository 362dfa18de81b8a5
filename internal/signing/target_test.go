package signing

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"unibus/internal/bus"
)

func TestTargetAccepted(t *testing.T) {
	t.Parallel()
	tests := []struct{ target, path, query string }{
		{"/", "/", "?"},
		{"/rooms", "/rooms", "?"},
		{"/rooms/abc/messages?after=5&limit=10", "/rooms/abc/messages", "?after=5&limit=10"},
		{"/users/a.b_c-d~e", "/users/a.b_c-d~e", "?"},
		{"/a...b/.c/d.", "/a...b/.c/d.", "?"},
		{"/a!$&'()*+,;=:@b", "/a!$&'()*+,;=:@b", "?"},
		{"/caf%C3%A9/%20/%25", "/caf%C3%A9/%20/%25", "?"},
		{"/x?a=", "/x", "?a="},
		{"/x?a=b=c&d=/?:@", "/x", "?a=b=c&d=/?:@"},
		{"/x?a=1%26b%3D2+%3B", "/x", "?a=1%26b%3D2+%3B"},
		{"/x?" + url.Values{"after": {"a b:c,d$"}, "z": {"ü"}}.Encode(), "/x", "?after=a+b%3Ac%2Cd%24&z=%C3%BC"},
	}
	for _, tt := range tests {
		gotPath, gotQuery, err := splitTarget(tt.target)
		if err != nil || gotPath != tt.path || gotQuery != tt.query {
			t.Errorf("%s: got %q %q %v, want %q %q", tt.target, gotPath, gotQuery, err, tt.path, tt.query)
		}
	}
}

func TestTargetRefused(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"absolute form":       {"https://host.example/a", "http://host.example", "HTTPS://h/a"},
		"authority form":      {"host.example:443", "host.example"},
		"asterisk form":       {"*"},
		"no slash":            {"", "?", "a", "?a=b", " /a"},
		"empty segment":       {"//", "//host/a", "/a//b", "/a/", "/a/?b=c", "/a/b//"},
		"dot segment":         {"/.", "/..", "/a/./b", "/a/../b", "/a/..", "/./", "/a/.?b=c"},
		"encoded dot":         {"/%2E", "/%2E%2E/a", "/a/%2e./b", "/a%2Eb"},
		"encoded unreserved":  {"/%41", "/%7E", "/%2D", "/%5F", "/%30", "/%39", "/%61", "/%7A", "/%5A", "/x?a=%61", "/x?%61=b"},
		"encoded slash":       {"/a%2Fb", "/a%2fb", "/a%5Cb", "/x?a=%2F", "/x?a=%5C"},
		"encoded control":     {"/%00", "/%0A", "/%0D%0Ax", "/%1F", "/%7F", "/x?a=%00"},
		"lower case hex":      {"/caf%c3%a9", "/%3a", "/x?a=%3a", "/%3A%3b"},
		"bad percent":         {"/%", "/%2", "/%zz", "/a%", "/a%4", "/%%41", "/% 41", "/x?a=%", "/x?a=%G0", "/x?%=a"},
		"fragment":            {"/a#b", "/#", "/x?a=b#c", "#"},
		"raw character":       {"/a b", "/a\tb", "/a\nb", "/a\x00b", "/é", "/a\"b", "/<a>", "/a\\b", "/a^b", "/`", "/{a}", "/a|b", "/a\x7f", "/[a]"},
		"raw query character": {"/x?a=b c", "/x?a=\"", "/x?a=é", "/x?a=[b]", "/x?a=b\n", "/x?a={}"},
		"semicolon":           {"/x?a=1;b=2", "/x?a=;"},
		"empty query":         {"/x?"},
		"query part":          {"/x?a", "/x?a=1&b", "/x?a=1&", "/x?&a=1", "/x?a=1&&b=2", "/x?=1", "/x??"},
		"repeated query name": {"/x?a=1&a=1", "/x?a=1&b=2&a=3", "/x?a+b=1&a%20b=2", "/x?a=&a="},
		"too long":            {"/" + strings.Repeat("a", maxTarget), "/x?a=" + strings.Repeat("b", maxTarget)},
	}
	for name, targets := range tests {
		for _, target := range targets {
			_, _, err := splitTarget(target)
			if bus.KindOf(err) != bus.Invalid || bus.CodeOf(err) != "bad_target" {
				t.Errorf("%s: %.40q: got %v, want a refusal", name, target, err)
			}
		}
	}
}

// FuzzTarget: an accepted target means the same to net/url, and cleaning its
// path changes nothing.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"/", "/a/b?c=d&e=f", "/caf%C3%A9?x=%20+", "//a", "/a/../b", "/%2E", "/x?a=1&a=2", "/a#b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		rawPath, query, err := splitTarget(target)
		if err != nil {
			if bus.KindOf(err) != bus.Invalid {
				t.Errorf("kind %v for %v", bus.KindOf(err), err)
			}
			return
		}
		if joined := strings.TrimSuffix(rawPath+query, "?"); joined != target && rawPath+query != target {
			t.Errorf("%q became %q", target, joined)
		}
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" || u.Fragment != "" || path.Clean(u.Path) != u.Path {
			t.Fatalf("net/url reads %q as %#v, %v", target, u, err)
		}
		values, err := url.ParseQuery(u.RawQuery)
		if err != nil {
			t.Fatalf("query of %q: %v", target, err)
		}
		for name, all := range values {
			if len(all) != 1 {
				t.Errorf("%q has %d values of %q", target, len(all), name)
			}
		}
	})
}
