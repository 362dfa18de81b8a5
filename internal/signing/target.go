package signing

import (
	"net/url"
	"strings"

	"unibus/internal/bus"
)

// maxTarget bounds the work of checking a target, in bytes. The longest that a
// client makes is some 300.
const maxTarget = 4096

// Characters that may stand for themselves besides the unreserved ones
// (RFC 3986 §2 and §3). The semicolon is out in queries: servers disagree
// whether it separates.
const (
	pathChars  = "!$&'()*+,;=:@"
	queryChars = "!$&'()*+,=:@/?"
)

// splitTarget takes the target of a request line apart into the values of
// @path and @query; the latter starts with its question mark, and is that alone
// when there is no query (RFC 9421 §2.2.7).
//
// It is strict, so that a signed text has one meaning for every proxy, router
// and handler. Refused, with code bad_target, are: another form than
// origin-form, dot and empty segments, a fragment, percent-encoding that is
// not needed, not in upper case or hides a slash or a control character, an
// empty query, and query parts without name or value sign or with the name of
// another one.
func splitTarget(target string) (path, query string, err error) {
	if len(target) > maxTarget {
		return "", "", badTarget("it is too long")
	}
	path, query, asked := strings.Cut(target, "?")
	if err := checkPath(path); err != nil {
		return "", "", err
	}
	if asked {
		if err := checkQuery(query); err != nil {
			return "", "", err
		}
	}
	return path, "?" + query, nil
}

func badTarget(why string) error {
	return bus.Errorf(bus.Invalid, "bad_target", "the address of the request is not in canonical form: %s", why)
}

func checkPath(path string) error {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return badTarget("it does not start with a slash")
	}
	if rest == "" {
		return nil // the root is the one path that ends in a slash
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return badTarget("an empty or dot segment")
		}
		if err := checkChars(segment, pathChars); err != nil {
			return err
		}
	}
	return nil
}

func checkQuery(query string) error {
	if err := checkChars(query, queryChars); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for part := range strings.SplitSeq(query, "&") {
		key, _, ok := strings.Cut(part, "=")
		if !ok || key == "" {
			return badTarget("a query part is not name=value")
		}
		key, err := url.QueryUnescape(key) // so that a+b and a%20b are one
		if err != nil {
			return badTarget("bad percent-encoding")
		}
		if seen[key] {
			return badTarget("a query name stands twice")
		}
		seen[key] = true
	}
	return nil
}

// checkChars lets unreserved characters, those in also, and needed
// percent-encoding pass.
func checkChars(s, also string) error {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case unreserved(c) || strings.IndexByte(also, c) >= 0:
		case c != '%':
			return badTarget("a character that must be percent-encoded")
		case i+2 >= len(s) || !upperHex(s[i+1]) || !upperHex(s[i+2]):
			return badTarget("bad percent-encoding")
		case !encodable(hexValue(s[i+1])<<4 | hexValue(s[i+2])):
			return badTarget("a character that must not be percent-encoded")
		default:
			i += 2
		}
	}
	return nil
}

// encodable says whether c may be hidden behind a percent sign.
func encodable(c byte) bool {
	return !unreserved(c) && c != '/' && c != '\\' && c >= ' ' && c != 0x7f
}

// unreserved characters mean the same encoded or not (RFC 3986 §2.3).
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func upperHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'A' + 10
}
