package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

// maxGroup bounds the writes of one transaction, so that a long queue does not
// make the first of it wait for all.
const maxGroup = 128

// writer runs all writes, one after the other, on the one connection that may
// write. Those that wait when it is free share a transaction, and an fsync.
type writer struct {
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	reserve *reserve
	jobs    chan *job
	closing chan struct{}
	done    chan struct{}             // the goroutine has ended
	broken  atomic.Pointer[bus.Error] // why nothing is written any more; see errBroken
	stopped atomic.Bool
}

// job is one write. Do may be run more than once, and must not keep anything
// of a run that failed.
type job struct {
	do     func(*tx) error
	urgent bool
	state  atomic.Int32
	result chan error
}

const (
	waiting int32 = iota
	taken
	abandoned
)

// tx is the transaction of a job.
type tx struct {
	ctx context.Context
	w   *writer
}

func startWriter(ctx context.Context, db *sql.DB, r *reserve) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		conn: conn, stmts: map[string]*sql.Stmt{}, reserve: r,
		jobs: make(chan *job, maxGroup), closing: make(chan struct{}), done: make(chan struct{}),
	}
	r.refill()
	go w.run()
	return w, nil
}

// err says why nothing is written any more, nil while something is.
func (w *writer) err() error {
	if e := w.broken.Load(); e != nil {
		return e
	}
	if w.stopped.Load() {
		return membership.ErrClosed
	}
	return nil
}

// stop ends the goroutine once the group in progress is written.
func (w *writer) stop() {
	if w.stopped.CompareAndSwap(false, true) {
		close(w.closing)
	}
	<-w.done
}

// write runs do in a transaction of the writer. If ctx ends before its turn
// nothing is written; after that it waits for the result.
func (w *writer) write(ctx context.Context, urgent bool, do func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return translate(err)
	}
	j := &job{do: do, urgent: urgent, result: make(chan error, 1)}
	select {
	case w.jobs <- j:
	case <-w.done:
		return membership.ErrClosed
	case <-ctx.Done():
		return translate(ctx.Err())
	}
	select {
	case err := <-j.result:
		return err
	case <-ctx.Done():
	case <-w.done:
	}
	if j.state.CompareAndSwap(waiting, abandoned) {
		if err := ctx.Err(); err != nil {
			return translate(err)
		}
		return membership.ErrClosed
	}
	return <-j.result
}

func (w *writer) run() {
	defer close(w.done)
	defer w.close()
	for {
		select {
		case <-w.closing:
			return
		case j := <-w.jobs:
			w.group(w.gather(j))
		}
	}
}

// close ends the statements before their connection: SQLite keeps one that has
// any open for ever, with its files and locks.
func (w *writer) close() {
	for _, stmt := range w.stmts {
		_ = stmt.Close()
	}
	_ = w.conn.Close()
}

// gather takes the jobs that wait now.
func (w *writer) gather(first *job) (group []*job) {
	for j := first; ; {
		if j.state.CompareAndSwap(waiting, taken) {
			group = append(group, j)
		}
		if len(group) == maxGroup {
			return group
		}
		select {
		case j = <-w.jobs:
		default:
			return group
		}
	}
}

// group writes jobs in one transaction. When the transaction itself fails,
// each is tried alone, so that nobody fails for another's sake.
func (w *writer) group(jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	defer w.reserve.mend()
	if len(jobs) > 1 {
		if results, err := w.together(jobs); err == nil {
			for i, j := range jobs {
				j.result <- results[i]
			}
			return
		}
	}
	for _, j := range jobs {
		j.result <- w.alone(j)
	}
}

// together runs every job under a savepoint. Refusals are its result; any
// other error ends the whole transaction and is returned.
func (w *writer) together(jobs []*job) ([]error, error) {
	if e := w.broken.Load(); e != nil {
		return nil, e
	}
	t := &tx{ctx: context.Background(), w: w}
	results := make([]error, len(jobs))
	err := t.exec("BEGIN IMMEDIATE")
	for i := 0; i < len(jobs) && err == nil; i++ {
		results[i], err = t.attempt(jobs[i])
	}
	if err == nil {
		err = t.exec("COMMIT")
	}
	if err != nil {
		w.rollback(t, err)
	}
	return results, err
}

// attempt runs one job under a savepoint and undoes what it did when it is
// refused.
func (t *tx) attempt(j *job) (refusal, err error) {
	if err := t.exec("SAVEPOINT job"); err != nil {
		return nil, err
	}
	err = j.do(t)
	if refused(err) {
		refusal, err = err, t.exec("ROLLBACK TO job")
	}
	if err == nil {
		err = t.exec("RELEASE job")
	}
	return refusal, err
}

// refused reports whether err is a decision of ours, after which the
// transaction is still whole.
func refused(err error) bool {
	var told *bus.Error
	return errors.As(err, &told)
}

// alone runs one job in a transaction of its own. An urgent one that finds the
// disk full gets the reserve.
func (w *writer) alone(j *job) error {
	err := w.once(j)
	if j.urgent && errors.Is(err, membership.ErrFull) && w.reserve.free() {
		err = w.once(j)
	}
	return err
}

func (w *writer) once(j *job) error {
	if e := w.broken.Load(); e != nil {
		return e
	}
	t := &tx{ctx: context.Background(), w: w}
	err := t.exec("BEGIN IMMEDIATE")
	if err == nil {
		err = j.do(t)
	}
	if err == nil {
		err = t.exec("COMMIT")
	}
	if err == nil {
		return nil
	}
	w.rollback(t, err)
	if e := w.broken.Load(); e != nil {
		return e
	}
	return translate(err)
}

// rollback ends a transaction after err. SQLite may have ended it itself.
func (w *writer) rollback(t *tx, err error) {
	_ = t.exec("ROLLBACK")
	if failed(err) {
		w.broken.CompareAndSwap(nil, errBroken.Because(err))
	}
}

// stmt prepares a query once.
func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if s := t.w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(t.ctx, query)
	if err == nil {
		t.w.stmts[query] = s
	}
	return s, err
}

// exec runs a query that changes rows.
func (t *tx) exec(query string, args ...any) error {
	_, err := t.change(query, args...)
	return err
}

// change is exec that says how many rows were changed.
func (t *tx) change(query string, args ...any) (int64, error) {
	s, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// QueryContext makes a tx a querier.
func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}
