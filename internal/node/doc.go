// Package node puts one node together and takes it apart: stores, data plane,
// control plane, the wires between them, and the directory they live in.
//
// Start is the only wiring there is: what it does not connect does not exist.
// It promises that a node which cannot be as safe as it was asked to be, or as
// it was before, does not start and says why; that posture is read from the
// running parts; and that Stop ends everything Start began, in reverse order.
//
// It never sees a private key of a person: a founding reaches it as public
// entries. It must not be able to open a message.
package node
