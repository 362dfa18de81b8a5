// Package broker is the data plane of a node: an embedded nats-server, and
// the services of the node on it.
//
// It promises that a connection may use exactly the subjects which the facts
// of the Directory imply, now: more rights reach a live connection at once,
// fewer cut it off. Users never reach JetStream; what they post is checked,
// stripped of everything but the frame, and stored by the node, so that the
// sequences and headers of a stored message are the node's own. A post that
// was acknowledged is stored as durably as Options.Sync says.
//
// It must not decide who is a member, open a frame, or trust one: only the
// signature inside says who wrote it. It is the one importer of nats-server.
package broker
