// Package bus holds the words of unibus: the identifiers, roles, limits and
// the one error type that every other package speaks.
//
// It promises that a value of one of its types is well formed, whatever its
// source: identifiers are parsed strictly, an unknown role has no rights, and
// an Error says one thing to the person at the other end and another to our
// own log. It must not do I/O, keep state, or know about keys.
package bus
