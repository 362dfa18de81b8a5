package control

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"unibus/internal/nonce"
	"unibus/internal/wire"
)

// BenchmarkRequest is a signed request against a handler of net/http that
// answers the same bytes, over the same TLS, one after the other.
func BenchmarkRequest(b *testing.B) {
	r := newRig(b)
	r.log.off()
	alice := r.w.Alice.Device()
	target := wire.TargetUsers
	want := r.get(alice, target).body
	b.Run("bare", func(b *testing.B) {
		addr := r.bare(b, want)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				req, err := http.NewRequest(http.MethodGet, "https://"+addr+target, http.NoBody)
				r.must(err)
				r.drain(b, req)
			}
		})
	})
	b.Run("signed", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				r.drain(b, r.request(call{method: http.MethodGet, target: target, key: &alice.Transport}))
			}
		})
	})
}

// BenchmarkStages is the node's part alone, without a connection.
func BenchmarkStages(b *testing.B) {
	r := newRig(b)
	r.log.off()
	alice := r.w.Alice.Device()
	signed := make([]*http.Request, min(b.N, nonce.PerSigner))
	for i := range signed {
		signed[i] = r.request(call{method: http.MethodGet, target: wire.TargetUsers, key: &alice.Transport})
		signed[i].RequestURI, signed[i].Host = wire.TargetUsers, r.addr
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, req := range signed {
		w := &nowhere{header: http.Header{}}
		if r.ServeHTTP(w, req); w.status != 200 {
			b.Fatal(w.status)
		}
	}
}

type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(status int)      { n.status = status }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// bare serves the same bytes without looking.
func (r *rig) bare(b *testing.B, body []byte) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	server := &http.Server{TLSConfig: r.serverTLS, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	server.Protocols, server.ErrorLog = &protocols, slog.NewLogLogger(slog.DiscardHandler, 0)
	go func() { _ = server.ServeTLS(l, "", "") }()
	b.Cleanup(func() { server.Close() })
	return l.Addr().String()
}

func (r *rig) drain(b *testing.B, req *http.Request) {
	res, err := r.client.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
		b.Errorf("%d, %v", res.StatusCode, err)
	}
}
