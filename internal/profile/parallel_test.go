package profile

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"sync"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/identity"
)

const (
	writers = 8
	writes  = 12
)

// writeMuch does what a process does that sends, follows and learns: the chain
// is the same for all, the rest is its own.
func writeMuch(ctx context.Context, s *Store, who byte) error {
	for i := range writes {
		err := s.Append(ctx, LogRoom, [16]byte{}, 0, entries(0, i+1))
		if err == nil {
			err = s.PutSecret(ctx, bus.RoomID{who}, bus.Epoch(i), []byte{who, byte(i)})
		}
		if err == nil {
			err = s.PutOutbox(ctx, OutboxRecord{ID: bus.RecordID{who, byte(i)}, Record: []byte{who}})
		}
		if err == nil {
			err = s.SetCursor(ctx, bus.RoomID{}, "", uint64(i)*writers+uint64(who))
		}
		if err != nil {
			return fmt.Errorf("writer %d, write %d: %w", who, i, err)
		}
	}
	return nil
}

func checkMuch(t *testing.T, s *Store) {
	t.Helper()
	ctx := context.Background()
	if got, err := s.Entries(ctx, LogRoom, [16]byte{}); err != nil || !reflect.DeepEqual(got, entries(0, writes)) {
		t.Errorf("the chain has %d entries, %v", len(got), err)
	}
	if got, err := s.Cursor(ctx, bus.RoomID{}, ""); err != nil || got != writes*writers-1 {
		t.Errorf("the cursor is %d, %v", got, err)
	}
	outbox, err := s.Outbox(ctx, bus.RoomID{})
	if err != nil || len(outbox) != writers*writes {
		t.Errorf("%d records, %v", len(outbox), err)
	}
	next := map[byte]byte{}
	for _, r := range outbox {
		if r.ID[1] != next[r.ID[0]] {
			t.Errorf("record %d of writer %d stands before its turn", r.ID[1], r.ID[0])
		}
		next[r.ID[0]]++
	}
	for who := range byte(writers) {
		for i := range byte(writes) {
			if got, err := s.Secret(ctx, bus.RoomID{who}, bus.Epoch(i)); err != nil || !reflect.DeepEqual(got, []byte{who, i}) {
				t.Fatalf("secret %d of writer %d: %v, %v", i, who, got, err)
			}
		}
	}
}

func TestManyHandles(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for who := range writers {
		wg.Go(func() {
			s, err := h.Open(context.Background(), "work", key) // all at once make the database
			if err == nil {
				err = writeMuch(context.Background(), s, byte(who))
			}
			if err == nil {
				err = s.Close()
			}
			errs[who] = err
		})
	}
	wg.Wait()
	for _, err := range errs {
		must(t, err)
	}
	checkMuch(t, openStore(t, h, key))
}

func TestManyGoroutines(t *testing.T) {
	t.Parallel()
	s := memory(t)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for who := range writers {
		wg.Go(func() { errs[who] = writeMuch(context.Background(), s, byte(who)) })
	}
	wg.Wait()
	for _, err := range errs {
		must(t, err)
	}
	checkMuch(t, s)
}

// Variables that make this test binary one of many processes.
const (
	envHome = "PROFILE_TEST_HOME"
	envKey  = "PROFILE_TEST_KEY"
	envWho  = "PROFILE_TEST_WHO"
)

func TestMain(m *testing.M) {
	if os.Getenv(envHome) == "" {
		os.Exit(m.Run())
	}
	if err := writerProcess(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func writerProcess() error {
	ctx := context.Background()
	raw, err := hex.DecodeString(os.Getenv(envKey))
	if err != nil {
		return err
	}
	if _, err := bufio.NewReader(os.Stdin).ReadByte(); err != nil { // all start together
		return err
	}
	s, err := At(os.Getenv(envHome)).Open(ctx, "work", identity.ProfileKeyFrom([32]byte(raw)))
	if err != nil {
		return err
	}
	if err := writeMuch(ctx, s, os.Getenv(envWho)[0]-'0'); err != nil {
		return err
	}
	return s.Close()
}

func TestManyProcesses(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	secret := key.Bytes()
	var starts []func() error
	var running []*exec.Cmd
	for who := range writers {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envHome+"="+h.dir, envKey+"="+hex.EncodeToString(secret[:]), envWho+"="+string(rune('0'+who)))
		cmd.Stderr = os.Stderr
		stdin, err := cmd.StdinPipe()
		must(t, err)
		must(t, cmd.Start())
		running = append(running, cmd)
		starts = append(starts, func() error { _, err := stdin.Write([]byte{1}); return err })
	}
	for _, start := range starts {
		must(t, start())
	}
	for who, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("writer %d: %v", who, err)
		}
	}
	checkMuch(t, openStore(t, h, key))
}

// A process that holds the database for too long makes the others give up.
func TestBusy(t *testing.T) {
	t.Parallel()
	h, key := newHome(t)
	holder, s := openStore(t, h, key), openStore(t, h, key)
	_, err := s.db.Exec("PRAGMA busy_timeout = 1")
	must(t, err)
	tx, err := holder.db.Begin()
	must(t, err)
	defer tx.Rollback()
	err = s.PutState(context.Background(), "a", nil)
	wantCode(t, err, bus.Unavailable, "profile_busy")
	if _, err := s.State(context.Background(), "a"); bus.CodeOf(err) != "no_state" {
		t.Errorf("reading waits for a writer: %v", err)
	}
	must(t, tx.Rollback())
	must(t, s.PutState(context.Background(), "a", nil))
}
