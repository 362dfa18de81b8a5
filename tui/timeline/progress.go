package timeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// barWidth is that of a progress bar without its brackets.
const barWidth = 20

// bar draws how far a transfer is, in characters that every font has, and says
// as much of its speed as fits.
func (p *Progress) bar(size func(int64) string, width int) string {
	if p.Total <= 0 {
		return "[" + strings.Repeat(".", barWidth) + "] " + size(p.Done)
	}
	done := min(max(p.Done, 0), p.Total)
	full := int(done * barWidth / p.Total)
	line := fmt.Sprintf("[%s%s] %d %%", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), done*100/p.Total)
	if rate := "  " + size(p.Rate) + "/s"; p.Rate > 0 && len(line+rate) <= width {
		line += rate
	}
	if left := "  " + p.Left.Round(time.Second).String(); p.Left > 0 && len(line+left) <= width {
		line += left
	}
	return line
}

// count writes a number with a blank between thousands.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
