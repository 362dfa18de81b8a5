package control

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/chaintest"
	"unibus/internal/identity"
	"unibus/internal/signing"
	"unibus/internal/wire"
)

// declared opens a request with so many bytes of body to come, none of which
// are sent yet; -1 says chunked.
func (r *rig) declared(method, target string, size int64, signed func(http.Header)) (write io.Writer, answer func() reply) {
	r.tb.Helper()
	conn := r.dial()
	h := http.Header{}
	if signed != nil {
		signed(h)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, r.addr)
	if size < 0 {
		b.WriteString("Transfer-Encoding: chunked\r\n")
	} else {
		b.WriteString("Content-Length: " + strconv.FormatInt(size, 10) + "\r\n")
	}
	_ = h.Write(&b)
	b.WriteString("\r\n")
	_, err := io.WriteString(conn, b.String())
	r.must(err)
	return conn, func() reply {
		r.tb.Helper()
		res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
		r.must(err)
		return r.read(res)
	}
}

// signs signs a request for its headers alone.
func (r *rig) signs(d *chaintest.Device, method, target string, digest bus.Hash) func(http.Header) {
	return r.signsAs(d.Transport, method, target, digest)
}

func (r *rig) signsAs(key identity.TransportKey, method, target string, digest bus.Hash) func(http.Header) {
	return func(h http.Header) {
		about := signing.Request{Method: method, Authority: r.addr, Target: target, Created: r.now(), Nonce: signing.NewNonce(), Digest: digest}
		r.sign(&http.Request{Header: h}, key, bus.ID{}, about)
	}
}

// TestDeclaredTooLarge is answered at once, in every mode, whoever asks, before
// a byte of the body came.
func TestDeclaredTooLarge(t *testing.T) {
	t.Parallel()
	for _, m := range []bus.Mode{bus.ModeEnforce, bus.ModeSoft, bus.ModeOff} {
		r := newRig(t, mode(m))
		blob := wire.BlobPutTarget(bus.Hash{1}, "bus", "whole")
		for _, tt := range []struct {
			method, target string
			size           int64
		}{
			{"POST", "/rooms", 400 << 20}, {"POST", "/log", bus.MaxJSONBody + 1},
			{"PUT", blob, 400 << 20}, {"PUT", blob, bus.MaxPieceBody + 1}, {"DELETE", wire.BlobTarget(bus.Hash{1}), 1},
		} {
			_, answer := r.declared(tt.method, tt.target, tt.size, nil)
			got := answer()
			r.expect(fmt.Sprint(m, " ", tt), got, 413, "too_large")
			if !got.closes {
				t.Errorf("%s %s: the connection stays open for the body", m, tt.target)
			}
		}
	}
}

// TestLiars send more than they declared, or declare nothing.
func TestLiars(t *testing.T) {
	t.Parallel()
	for _, m := range []bus.Mode{bus.ModeEnforce, bus.ModeSoft, bus.ModeOff} {
		r := newRig(t, mode(m))
		alice := r.w.Alice.Device()
		for target, limit := range map[string]int{
			"/log": bus.MaxJSONBody, wire.BlobPutTarget(sha256.Sum256(nil), "bus", "whole"): bus.MaxPieceBody,
		} {
			method := map[bool]string{true: "POST", false: "PUT"}[target == "/log"]
			w, answer := r.declared(method, target, -1, r.signs(alice, method, target, sha256.Sum256(nil)))
			// The node closes on us when it has had enough.
			var sent sync.WaitGroup
			sent.Go(func() { _ = chunks(w, limit+1<<20) })
			r.expect(string(m)+" chunked "+target, answer(), 413, "too_large")
			sent.Wait()
		}
		if got := r.o.Inflight.InFlight(); got != 0 {
			t.Errorf("%s: %d bytes still reserved", m, got)
		}
	}
}

// chunks writes n bytes in chunked encoding.
func chunks(w io.Writer, n int) error {
	chunk := strings.Repeat("x", 32<<10)
	for ; n > 0; n -= len(chunk) {
		if _, err := fmt.Fprintf(w, "%x\r\n%s\r\n", len(chunk), chunk); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "0\r\n\r\n")
	return err
}

// TestUnreadBodies is T11: what a stranger sends, or says he will, leaves no
// trace in the memory of the node.
func TestUnreadBodies(t *testing.T) { // not parallel: it counts what the process allocates
	r := newRig(t)
	blob := wire.BlobPutTarget(bus.Hash{1}, "bus", "whole")
	stranger := identity.NewTransportKey()
	tests := []struct {
		name   string
		size   int64
		signed func(http.Header)
		status int
	}{
		{"declared", 400 << 20, nil, 413},
		{"chunked, unsigned", -1, nil, 401},
		{"chunked, by a stranger", -1, r.signsAs(stranger, "PUT", blob, bus.Hash{1}), 401},
		{"within the ceiling, unsigned", bus.MaxPieceBody, nil, 401},
	}
	for _, tt := range tests {
		w, answer := r.declared("PUT", blob, tt.size, tt.signed)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var sent sync.WaitGroup
		sent.Go(func() {
			if tt.size < 0 {
				_ = chunks(w, 400<<20)
			} else {
				_, _ = io.CopyN(w, zeros{}, tt.size)
			}
		})
		got := answer()
		sent.Wait() // the node has hung up
		runtime.ReadMemStats(&after)
		if got.status != tt.status {
			t.Errorf("%s: got %d, want %d", tt.name, got.status, tt.status)
		}
		// Both ends and the sender's text are in this process.
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
			t.Errorf("%s: %d KiB allocated", tt.name, grown>>10)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestReaudit_DoSConcurrency: 40 parallel uploads of 16 MiB all succeed, with
// flat memory and under a small budget; 60 bodies of 1 MiB of JSON that are all
// in flight at once are shed beyond the budget.
func TestReaudit_DoSConcurrency(t *testing.T) { // not parallel: it watches the heap
	r := newRig(t, budget(48<<20))
	r.Server.pace = pace{grace: 10 * time.Minute, rate: 1} // bodies wait here for as long as the machine is busy
	t.Run("uploads", func(t *testing.T) { parallelUploads(t, r) })
	t.Run("json", func(t *testing.T) { parallelJSON(t, r) })
	if got := r.o.Inflight.InFlight(); got != 0 {
		t.Errorf("%d bytes still reserved", got)
	}
	r.expect("afterwards", r.get(r.w.Alice.Device(), "/users"), 200, "")
}

func parallelUploads(t *testing.T, r *rig) {
	const n, size = 40, bus.MaxPieceBody
	runtime.GC()
	var base runtime.MemStats
	runtime.ReadMemStats(&base)
	var most uint64
	stop, watched := make(chan bool), make(chan bool)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	go func() { // the largest heap while they run
		defer close(watched)
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	var uploads sync.WaitGroup
	for i := range n {
		uploads.Go(func() {
			block := bytes.Repeat([]byte{byte(i)}, 64<<10)
			src := func() io.Reader { return io.LimitReader(endless(block), size) }
			sum := sha256.New()
			_, _ = io.Copy(sum, src())
			id := bus.Hash(sum.Sum(nil))
			target := wire.BlobPutTarget(id, "bus", "piece")
			w, answer := r.declared("PUT", target, size, r.signs(r.w.Alice.Device(), "PUT", target, id))
			if _, err := io.Copy(w, src()); err != nil {
				t.Error(err)
			}
			if got := answer(); got.status != 204 {
				t.Errorf("upload %d: %d %s", i, got.status, got.body)
			}
		})
	}
	uploads.Wait()
	close(stop)
	<-watched
	if grown := int64(most) - int64(base.HeapInuse); grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// endless is the same block again and again.
type endless []byte

func (b endless) Read(p []byte) (int, error) { return copy(p, b), nil }

func parallelJSON(t *testing.T, r *rig) {
	const n, size = 60, bus.MaxJSONBody
	body := `{"entry":"` + strings.Repeat("A", size-12) + `"}`
	digest := sha256.Sum256([]byte(body))
	var waiting []func() reply
	shed := 0
	for range n {
		w, answer := r.declared("POST", "/log", size, r.signs(r.w.Alice.Device(), "POST", "/log", digest))
		held := r.o.Inflight.InFlight()
		if _, err := io.WriteString(w, body[:size-1]); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Logf("cut while sending: %v", err)
		}
		if held+size > 48<<20 {
			got := answer()
			r.expect("over the budget", got, 503, "busy")
			if got.header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			shed++
			continue
		}
		eventually(t, "the body is held", func() bool { return r.o.Inflight.InFlight() == held+size-1 })
		waiting = append(waiting, func() reply {
			_, err := io.WriteString(w, body[size-1:])
			r.must(err)
			return answer()
		})
	}
	if shed != 12 {
		t.Errorf("%d of %d shed, want 12", shed, n)
	}
	r.expect("a GET takes nothing", r.get(r.w.Alice.Device(), "/users"), 200, "")
	for _, finish := range waiting {
		r.expect("within the budget", finish(), 422, "bad_entry")
	}
}
