package seal

import (
	"fmt"
	"io"
	"log/slog"
)

const placeholder = "(secret)"

// hidden is 32 secret bytes that print, log and marshal as a placeholder, and
// on which == does not compile. The bytes stand behind a function because fmt
// reaches the unexported fields of a surrounding struct by reflection, past
// all methods, and follows even a pointer when its verb is a wrong one.
type hidden struct{ reveal func() *[32]byte }

func hide(b [32]byte) hidden { return hidden{reveal: func() *[32]byte { return &b }} }

// IsZero reports whether there is no secret here.
func (h hidden) IsZero() bool { return h.reveal == nil }

// Bytes returns a copy of the 32 secret bytes. It panics when there are none.
func (h hidden) Bytes() []byte {
	b := *h.reveal()
	return b[:]
}

func (hidden) String() string               { return placeholder }
func (hidden) GoString() string             { return placeholder }
func (hidden) Format(s fmt.State, _ rune)   { _, _ = io.WriteString(s, placeholder) }
func (hidden) MarshalText() ([]byte, error) { return []byte(placeholder), nil }
func (hidden) MarshalJSON() ([]byte, error) { return []byte(`"` + placeholder + `"`), nil }
func (hidden) LogValue() slog.Value         { return slog.StringValue(placeholder) }
