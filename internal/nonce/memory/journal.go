package memory

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"unibus/internal/atomicfile"
	"unibus/internal/bus"
)

const (
	// compactMin is the number of records below which a file is left alone.
	compactMin = 4096
	// spare is how many records a file has room for beyond those in it. When
	// the disk is full requests go on for so long: what frees space, or takes
	// rights away, is a request too.
	spare = 4 * compactMin
)

var (
	errClosed = errors.New("the nonce store is closed")
	errClock  = errors.New("the clock of this node went back")
)

// journal is the file behind a table. It is for one goroutine.
type journal struct {
	header
	path      string
	file      *os.File // nil after it could not be opened again
	records   int
	compactAt int // after a compaction that failed: not before so many records
}

// openJournal reads what is live into t and begins a new file with it.
func openJournal(path string, here boot, now time.Time, t *table) (*journal, error) {
	t.prune(now.Unix())
	old, lost, err := load(path, here, t)
	if err != nil {
		return nil, fmt.Errorf("read nonce file: %w", err)
	}
	j := &journal{path: path, header: old}
	j.boot = here
	// Whatever a lost memory had claimed was created at most the clock window
	// after its last moment. That moment was before now, or, when the clock
	// went back since, at most the window before the newest claim.
	horizon := ceil(now.Add(bus.ClockSkew))
	newest := j.newest - int64(bus.NonceLife/time.Second)
	if lost || newest > horizon {
		j.ready = max(j.ready, horizon, newest+1)
	}
	if err := j.rewrite(t, true); err != nil {
		return nil, fmt.Errorf("begin nonce file: %w", err)
	}
	return j, nil
}

// load adds the records of the file to t.
func load(path string, here boot, t *table) (h header, lost bool, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, false, nil
	}
	if err != nil {
		return h, false, err
	}
	defer file.Close()
	return read(bufio.NewReader(file), here, t)
}

// read adds the records of a file to t. The memory is lost when the file is of
// another boot, since its last writes may not have reached the disk, or is
// damaged anywhere but at its end: a torn last record was never granted.
func read(r io.Reader, here boot, t *table) (h header, lost bool, err error) {
	b := make([]byte, recordSize)
	if _, err := io.ReadFull(r, b); err != nil && !isEnd(err) {
		return h, false, err
	}
	h, ok := parseHeader(b)
	if !ok {
		return h, true, nil
	}
	damaged, err := readRecords(r, &h, t)
	return h, damaged || here == boot{} || h.boot != here, err
}

func readRecords(r io.Reader, h *header, t *table) (damaged bool, err error) {
	b := make([]byte, recordSize)
	torn := false
	for {
		if _, err := io.ReadFull(r, b); isEnd(err) {
			return damaged, nil
		} else if err != nil {
			return damaged, err
		}
		rec, ok := parseRecord(b)
		if !ok {
			torn = true // or blank
			continue
		}
		damaged = damaged || torn
		h.newest = max(h.newest, rec.until)
		if rec.until > t.forgotten {
			t.add(rec)
		}
	}
}

func isEnd(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

// append writes r behind the last whole record, over what a failed write may
// have left there, after making the file smaller when it is mostly expired.
func (j *journal) append(r record, t *table) error {
	if j.records >= max(compactMin, 2*t.live, j.compactAt) {
		if err := j.rewrite(t, false); err != nil {
			j.compactAt = 2 * j.records // the old file is whole: go on with it
		}
	}
	if err := j.reopen(); err != nil {
		return err
	}
	if _, err := j.file.WriteAt(r.encode(), int64(j.records+1)*recordSize); err != nil {
		return err
	}
	j.records++
	j.newest = max(j.newest, r.until)
	return nil
}

// rewrite replaces the file by one that holds the table alone. Only the first
// one of a process is forced to the disk: its being there must outlast a crash
// of the system, or the next start would take the store for a new one. Of what
// is in it a crash takes nothing that counts.
func (j *journal) rewrite(t *table, durable bool) error {
	next := j.path + ".new"
	if err := j.write(next, t, durable); err != nil {
		os.Remove(next)
		return err
	}
	if err := j.close(); err != nil {
		return err
	}
	if err := os.Rename(next, j.path); err != nil {
		return err
	}
	j.records, j.compactAt = t.live, 0
	if durable {
		if err := atomicfile.SyncDir(filepath.Dir(j.path)); err != nil {
			return err
		}
	}
	return j.reopen()
}

func (j *journal) write(path string, t *table, durable bool) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	w.Write(j.header.encode()) // a bufio.Writer keeps its error for Flush
	t.each(func(r record) { w.Write(r.encode()) })
	w.Write(bytes.Repeat([]byte(blank), spare*recordSize))
	if err := w.Flush(); err != nil || !durable {
		return err
	}
	return file.Sync()
}

// reopen opens the file when it is not open.
func (j *journal) reopen() (err error) {
	if j.file == nil {
		j.file, err = os.OpenFile(j.path, os.O_RDWR, 0)
	}
	return err
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}
