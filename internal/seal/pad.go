package seal

// Padding hides lengths: records take 32 bytes, 256, or a multiple of 1024,
// whichever is the next. The rest is zeros, which no record begins with.

// padded returns the size that n bytes of records take.
func padded(n int) int {
	switch {
	case n <= 32:
		return 32
	case n <= 256:
		return 256
	}
	return (n + 1023) / 1024 * 1024
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
