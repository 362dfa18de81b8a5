// Package transfertest is a node for tests that move blobs.
package transfertest

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
)

// Shelf is a node that keeps blobs and nothing else. Its fields say what goes
// wrong, and are set before it is used.
type Shelf struct {
	sync.Mutex
	Kept   map[string][]byte
	Parts  []string // of the uploads, in order
	Asked  int
	Before func(*http.Request) (*http.Response, error) // answers in place of the shelf, unless nil
	Cut    int64                                       // the first bodies break after so many bytes
	Cuts   int                                         // how many do
}

// RoundTrip implements http.RoundTripper.
func (s *Shelf) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.Before != nil {
		if res, err := s.Before(r); res != nil || err != nil {
			return res, err
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.Lock()
	defer s.Unlock()
	s.Asked++
	id := strings.TrimPrefix(r.URL.Path, "/blobs/")
	data, there := s.Kept[id]
	switch {
	case r.Method == http.MethodPut:
		if s.Kept == nil {
			s.Kept = map[string][]byte{}
		}
		s.Kept[id] = body
		s.Parts = append(s.Parts, r.URL.Query().Get("part"))
		return Answer(http.StatusNoContent, nil), nil
	case !there:
		return Refuse(http.StatusNotFound, "no_blob"), nil
	case r.Method == http.MethodHead:
		return Answer(http.StatusOK, nil), nil
	}
	res := Answer(http.StatusOK, data)
	if s.Cuts > 0 && int64(len(data)) > s.Cut {
		s.Cuts--
		res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(data[:s.Cut]), broken{}))
	}
	return res, nil
}

// broken is the rest of a body whose connection broke.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Answer is an answer of a node.
func Answer(status int, body []byte) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), ContentLength: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader(body)), Header: http.Header{}}
}

// Refuse is a refusal; of 503 it says that it may be tried again.
func Refuse(status int, code string) *http.Response {
	return Answer(status, []byte(`{"error":{"code":"`+code+`","message":"no","retryable":`+
		map[bool]string{true: "true", false: "false"}[status == http.StatusServiceUnavailable]+`}}`))
}

// Noise is so many bytes, the same ones each time.
func Noise(n int64) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}
