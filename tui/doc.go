// Package tui is the chat screen: rooms and people at the left, what happened
// in the middle, a box to write in below, and everything else as a panel over
// them.
//
// It declares the Session that it needs and knows nothing else of the engine.
// It promises that Update does no I/O and never blocks, that what arrives is
// shown within 16 ms however much it is, that nothing a peer writes moves the
// cursor, sets the clipboard or looks like what the screen says, and that every
// state has a character as well as a colour. It must not print, read the
// environment, or talk to anything but its Session and the terminal it is given.
package tui
