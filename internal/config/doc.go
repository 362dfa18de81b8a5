// Package config finds out how unibus was asked to behave: every setting of
// `serve` and of the client, from defaults, a file, UNIBUS_* variables and
// flags, in that order, each value with the place it came from.
//
// It promises that a setting means the same wherever it was written, that a
// key it does not know is an error and never ignored, and that a node is not
// started less safe than it says (refuse.go). It is the only package that
// reads the environment. It holds no secret, only names of files that do, and
// it must not open anything but the configuration file.
package config
