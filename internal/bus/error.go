package bus

import (
	"errors"
	"fmt"
)

// Kind sorts errors by what a caller can do about them. Each has one HTTP
// status (wire) and one exit code (cmd). The numbers never change.
type Kind uint8

const (
	Failed          Kind = iota // anything else
	Invalid                     // the request itself is wrong
	NotFound                    // no such thing, or not for you to know
	Unauthenticated             // nobody we know signed this
	Forbidden                   // you may not
	Conflict                    // somebody else was first
	Unavailable                 // try again: unreachable, starting, busy
	Limited                     // try again later: too much of it
	Integrity                   // hash, signature or chain does not hold
	TooLarge                    // over a size limit
	Unsafe                      // posture or file mode below what is required
	Full                        // no space left on the node
	Partial                     // some of it was done
	Findings                    // done; what was looked for was found
	Timeout                     // no progress within --timeout
	Interrupted                 // the person stopped it
)

// Error is the one error type that crosses the wire and reaches a person.
//
// Message says what is wrong and why, Hint what to do; both are shown and hold
// no path of the node, no SQL and no key. Err is for our own log only.
type Error struct {
	Kind      Kind
	Code      string // stable, snake_case: scripts compare it
	Message   string
	Hint      string
	RequestID string
	Retryable bool
	Err       error
}

// Errorf makes an Error; Unavailable and Limited are retryable.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...),
		Retryable: kind == Unavailable || kind == Limited}
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + "; " + e.Hint
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is compare codes, so that an error that crossed the wire
// still equals the one it was made from.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// WithHint returns a copy of e that says what to do.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// Because returns a copy of e that remembers its cause, for our log.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// KindOf returns the kind of the first Error in err's chain, else Failed.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Failed
}

// CodeOf returns the code of the first Error in err's chain, else "failed".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return "failed"
}

// Errors that more than one package makes or looks for.
var (
	ErrNotMember = Errorf(Forbidden, "not_member", "you are not in this room").
			WithHint("ask an owner of the room to add you")
	ErrRoomClosed = Errorf(Forbidden, "room_closed", "this room was deleted").
			WithHint("see your rooms: unibus room list")
	ErrRevoked = Errorf(Unauthenticated, "revoked", "this identity was revoked").
			WithHint("ask an admin of the bus for an invite under another name")
	ErrUnknownSigner = Errorf(Unauthenticated, "unauthenticated", "the node does not know this identity").
				WithHint("join the bus with an invite of one of its admins")
	ErrNoBlob  = Errorf(NotFound, "no_blob", "no such blob").WithHint("it was deleted or has expired, or the reference is not whole")
	ErrBehind  = Errorf(Conflict, "behind", "somebody else wrote first").WithHint("try again")
	ErrFounded = Errorf(Conflict, "founded", "this bus was founded before").
			WithHint("ask one of its admins for an invite")
)
