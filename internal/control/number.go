package control

import (
	"math"
	"strconv"

	"unibus/internal/bus"
)

// number reads a decimal number of the query, in the one way to write it.
func (x *exchange) number(name string, otherwise uint64) (uint64, error) {
	text, there := x.query[name]
	if !there {
		return otherwise, nil
	}
	return parseNumber(name, text)
}

func parseNumber(name, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, badNumber(name)
	}
	return n, nil
}

// from is the index at which a page of a chain begins.
func (x *exchange) from() (uint32, error) {
	n, err := x.number("from", 0)
	if err == nil && n > math.MaxUint32 {
		err = badNumber("from")
	}
	return uint32(n), err
}

func badNumber(name string) error {
	return bus.Errorf(bus.Invalid, "bad_number", "%s is not a number that can stand there", name)
}
