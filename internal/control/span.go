package control

import (
	"fmt"
	"strconv"
	"strings"
)

// span is a part of a blob, in bytes.
type span struct{ from, size int64 }

// spanOf reads a Range header (RFC 9110, section 14) of one range. Whatever
// else stands there is ignored, as a server may: then it is the whole blob.
func spanOf(header string, size int64) span {
	whole := span{0, size}
	first, last, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	if !ok || !strings.HasPrefix(header, "bytes=") {
		return whole
	}
	from, err := strconv.ParseUint(first, 10, 63)
	if err != nil || int64(from) >= size {
		return whole
	}
	to := uint64(size - 1)
	if last != "" {
		if to, err = strconv.ParseUint(last, 10, 63); err != nil || to < from {
			return whole
		}
	}
	return span{int64(from), min(int64(to), size-1) - int64(from) + 1}
}

func (s span) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.from, s.from+s.size-1, size)
}
