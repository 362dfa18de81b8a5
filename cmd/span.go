package cmd

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// span is a length of time as a flag takes it: 90s, 12h or 30d, a day being
// 24 hours.
type span time.Duration

const day = 24 * time.Hour

// String is pflag.Value's.
func (s *span) String() string { return spanText(time.Duration(*s)) }

// Type is pflag.Value's.
func (s *span) Type() string { return "duration" }

// Set is pflag.Value's.
func (s *span) Set(v string) error {
	d, err := parseSpan(v)
	*s = span(d)
	return err
}

func parseSpan(v string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err == nil {
			return time.Duration(n) * day, nil
		}
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a length of time: write it like 90s, 12h or 30d", v)
	}
	return d, nil
}

// spanText is d in the largest unit that divides it.
func spanText(d time.Duration) string {
	if d > day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
