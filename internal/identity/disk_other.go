//go:build !unix

package identity

const openFlags = 0
