package configs

import (
	"fmt"
	"io"
)

const redacted = "<secret>"

// Secret is a text that prints as <secret> in every way: with any verb of fmt, as text, JSON and YAML, and so
// in zap. Only [Secret.Reveal] gives it. The zero value holds nothing. Compare with [Secret.Equal].
type Secret struct {
	text *string // a pointer, because the verb %p goes round every method and prints the fields
}

// NewSecret wraps a text. An empty one gives the zero value.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text itself. Call it where the secret is sent, and nowhere else.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsSet reports whether there is anything to hide.
func (s Secret) IsSet() bool { return s.text != nil }

// Equal reports whether both hold the same text.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns <secret>.
func (s Secret) String() string { return redacted }

// GoString returns <secret>.
func (s Secret) GoString() string { return redacted }

// Format prints <secret> for every verb, %x and %d among them.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, redacted) }

// MarshalText returns <secret>.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "<secret>".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML returns <secret>.
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }
