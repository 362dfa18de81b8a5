package control

import (
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"unibus/internal/bus"
	"unibus/internal/limit"
)

// Limits of a connection, against senders that only want to hold it.
const (
	maxHeaderBytes    = 16 << 10
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = time.Minute
)

// Server is the control plane, an http.Handler. It is safe for concurrent use
// and owns no goroutine.
type Server struct {
	o       Options
	router  router
	pace    pace
	answers *limit.Inflight // large answers that slow readers make the node hold
	// strangers are requests of keys that the node does not know, on the few
	// routes where such a key may prove itself by the body.
	strangers *limit.Rate[netip.Prefix]
	underway  underway
	cutting   sync.Mutex // see counted
}

// New checks o and puts the control plane together. An error is Invalid, code
// bad_options.
func New(o Options) (*Server, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	return &Server{
		o: o, router: newRouter(routes()), pace: defaultPace, answers: limit.NewInflight(maxAnswers),
		strangers: limit.NewRate[netip.Prefix](strangerRate, strangerBurst, maxAddresses, o.Now),
		underway:  underway{n: map[payer]int{}},
	}, nil
}

// HTTP is a server with s as its handler and every limit set. The caller may
// add a BaseContext, and calls ServeTLS with the node's certificate, and
// Shutdown. It speaks HTTP/1.1 alone: over HTTP/2 one connection could carry
// what is limited by connection.
func (s *Server) HTTP() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: s, Protocols: &protocols, MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, DisableGeneralOptionsHandler: true,
		ErrorLog: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r)
	defer x.end()
	if err := x.run(); err != nil {
		x.fail(err)
	}
}

// run is the order of the stages. Each lets fewer pass than the one before, and
// may cost the node more: swap two, and strangers can spend what was meant for
// members.
func (x *exchange) run() error {
	for _, stage := range []func() error{
		x.find,         // the route
		x.ceiling,      // of the declared length
		x.admit,        // requests of an address
		x.authenticate, // signature, age, signer, nonce
		x.receive,      // budget, body, digest
	} {
		if err := stage(); err != nil {
			return err
		}
	}
	return x.route.handle(x)
}

// enforcing reports whether every request must be signed.
func (s *Server) enforcing() bool { return s.o.Mode == bus.ModeEnforce }
