// Package control is the HTTP control plane of a node: it lets signed requests
// pass to the rules, and turns their answers into HTTP.
//
// It promises that nothing of a request's body is read before its signature,
// its age, its signer and its nonce were found good, and that nothing is
// committed before the whole body matched the digest that was signed. On the
// two routes where the body itself proves a key that the node does not know
// yet, a small one is read instead, and few of them from one address. What a
// stranger can make it hold or do is bounded, whatever he sends. An answer
// never holds SQL, a path or a key, and tells nobody that something exists
// which he may not see.
//
// It decides nothing about membership, and knows neither a key nor a secret.
// Messages travel over NATS: here one can only read stored ones.
package control
