// Package wycheproof runs the vectors of project Wycheproof: those of
// Cobblestone-256 through our own code, the others through the functions of
// the standard library that the protocol rests on.
//
// Each test says how many cases there are and fails when it ran fewer, so that
// a file that moved or changed its form cannot pass in silence. There is
// nothing to import.
package wycheproof
