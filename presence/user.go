package presence

import (
	"fmt"
	"strings"
)

// UserID is the Entra object id of a watched person: a lower-case GUID, the key
// of everything presenced knows. Names and addresses change; this does not.
type UserID string

// ParseUserID accepts a GUID in any case, as 8-4-4-4-12 hex digits and nothing
// around them. Everything else is refused: Graph answers PresenceUnknown to a
// wrong kind of id instead of an error.
func ParseUserID(s string) (UserID, error) {
	if len(s) != 36 {
		return "", fmt.Errorf("user id has %d characters, want a GUID such as 0b5c1cf2-8f5a-4d3c-9f0e-2f6d7a1b9c11", len(s))
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return "", fmt.Errorf("user id has %q as character %d, want '-'", c, i+1)
			}
			continue
		}
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return "", fmt.Errorf("user id has %q as character %d, want a hex digit", c, i+1)
		}
	}
	return UserID(strings.ToLower(s)), nil
}

// IsTenant reports whether s is a tenant's configured alias: 1 to 32 of a-z, 0-9
// and '-'. It becomes a subject token.
func IsTenant(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
