// Package wire is what client and node say to each other: HTTP routes and
// bodies, the table of status codes, NATS subjects, stream names, and the
// JSON of the few NATS services.
//
// It promises that both sides read a name or a body the same way, and that a
// decoder refuses what it does not know. It decides nothing.
package wire
