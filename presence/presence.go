package presence

import (
	"strings"
)

// Unknown is the word Graph uses, for availability and activity alike, when it
// cannot tell: user not found, no cloud mailbox, sharing not allowed. It also
// stands for null. It is an answer, and never the same as Offline.
const Unknown = "PresenceUnknown"

// maxWord bounds a word that Graph sends and this version does not know.
const maxWord = 64

// Presence is what Graph says of one person at one moment.
//
// Availability and Activity are single words fit for a NATS subject: canonical
// PascalCase where the word is known, else the cleaned word (see [Canonical]).
// The pointers are nil unless the tenant's configuration asks for them: they are
// personal data.
//
// Source: https://learn.microsoft.com/graph/api/resources/presence
type Presence struct {
	Availability   string        `json:"availability"`
	Activity       string        `json:"activity"`
	SequenceNumber string        `json:"sequenceNumber,omitempty"` // Graph's version stamp, sorts bytewise; empty when not sent
	StatusMessage  *string       `json:"statusMessage,omitempty"`  // nil: not collected; empty: none is set
	OutOfOffice    *OutOfOffice  `json:"outOfOffice,omitempty"`    // nil: not collected
	WorkLocation   *WorkLocation `json:"workLocation,omitempty"`   // nil: not collected
}

// OutOfOffice is whether an automatic reply is on, and its text.
type OutOfOffice struct {
	Active  bool   `json:"active"`
	Message string `json:"message,omitempty"`
}

// WorkLocation is where the person said to be working.
type WorkLocation struct {
	Type    string `json:"type"`
	Source  string `json:"source,omitempty"`
	PlaceID string `json:"placeId,omitempty"`
}

// IsUnknown reports whether Graph answered that it cannot tell.
func (p Presence) IsUnknown() bool { return p.Availability == Unknown }

// words are the known values of both fields, the union of Microsoft's lists
// since 2020: availability and activity traded values between versions of the
// page, so one list serves both.
var words = func() map[string]string {
	m := make(map[string]string)
	for _, w := range []string{
		"Available", "AvailableIdle", "AvailableInactive", "Away", "BeRightBack", "Busy", "BusyIdle",
		"DoNotDisturb", "Focusing", "InACall", "InAConferenceCall", "InAMeeting", "Inactive", "Offline",
		"OffWork", "OutOfOffice", "Presenting", Unknown, "UrgentInterruptionsOnly",
	} {
		m[strings.ToLower(w)] = w
	}
	return m
}()

// Canonical turns a word of Graph's into the one presenced uses: known words
// match without regard to case (Microsoft's pages changed from PascalCase to
// camelCase, the wire did not), new words pass through with '_' for everything
// outside [A-Za-z0-9_-] and cut at 64 bytes, so that a word can never become two
// subject tokens, and "Off line" never becomes Offline. Nothing sent, or nothing
// readable, is [Unknown].
func Canonical(word string) string {
	if w, ok := words[strings.ToLower(word)]; ok {
		return w
	}
	clean := strings.Map(func(r rune) rune {
		if isWordByte(r) {
			return r
		}
		return '_'
	}, word)
	if len(clean) > maxWord {
		clean = clean[:maxWord]
	}
	if strings.Trim(clean, "_") == "" {
		return Unknown
	}
	return clean
}

// IsKnownWord reports whether Graph's word is one that this version knows; a new
// one is passed on and worth counting.
func IsKnownWord(word string) bool {
	_, ok := words[strings.ToLower(word)]
	return ok
}

func isWordByte(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
}

// isWord reports whether s is a word that [Canonical] could have made.
func isWord(s string) bool {
	return s != "" && len(s) <= maxWord && strings.IndexFunc(s, func(r rune) bool { return !isWordByte(r) }) < 0
}
