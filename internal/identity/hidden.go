package identity

import (
	"fmt"
	"io"
	"log/slog"
)

const placeholder = "(secret)"

// hidden is embedded in every type that holds a secret: such a value prints,
// logs and marshals as a placeholder. The secret itself stands in a closure
// made by keep.
type hidden struct{}

func (hidden) String() string               { return placeholder }
func (hidden) GoString() string             { return placeholder }
func (hidden) Format(s fmt.State, _ rune)   { _, _ = io.WriteString(s, placeholder) }
func (hidden) MarshalText() ([]byte, error) { return []byte(placeholder), nil }
func (hidden) MarshalJSON() ([]byte, error) { return []byte(`"` + placeholder + `"`), nil }
func (hidden) LogValue() slog.Value         { return slog.StringValue(placeholder) }

// keep hides v in a closure. Where a key is an unexported field of somebody
// else's struct, fmt calls no methods but walks the fields by reflection, and
// with a verb like %s also follows a pointer; it cannot look into a func. A
// struct with a func field does not compile with == either.
func keep[T any](v T) func() T { return func() T { return v } }
