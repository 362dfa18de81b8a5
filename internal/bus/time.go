package bus

// MaxMillis is the last Unix millisecond that signed bytes may name, the end of
// the year 9999: later ones cannot be printed in RFC 3339.
const MaxMillis = 253402300799999
