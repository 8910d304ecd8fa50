package graphclient

import (
	"fmt"
	"io"
)

// redacted is embedded in every struct that holds key material, so that no verb
// of fmt, no JSON and no log field shows it.
type redacted struct{}

// hidden keeps a secret where fmt cannot find it, however deep inside whatever is
// printed: a pointer to a redacted struct is followed for verbs that do not fit
// pointers, and methods of unexported fields are never asked.
type hidden func() string

func hide(secret string) hidden { return func() string { return secret } }

const secretMark = "<secret>"

// Format implements fmt.Formatter for all verbs.
func (redacted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secretMark) }

// String implements fmt.Stringer, which zap prefers.
func (redacted) String() string { return secretMark }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML use.
func (redacted) MarshalText() ([]byte, error) { return []byte(secretMark), nil }
