package graphsim

import "slices"

// Modes chooses between answers where the documentation is silent, contradicts itself, or changed over the years.
// The zero value is the reading with the best evidence.
type Modes struct {
	// SingleAsList makes /communications/presences/{id} answer {"value":[…]} as the pages of 2020 to 2023 print it.
	SingleAsList bool
	// UPNNotFound makes a single GET for something that is no known id a 404. Otherwise it is a 200 with PresenceUnknown.
	UPNNotFound bool
	// OmitUnknown leaves ids nobody has out of a bulk answer. Otherwise they are PresenceUnknown.
	OmitUnknown bool
	// RepeatDuplicates answers an id asked for twice two times. Otherwise once.
	RepeatDuplicates bool
	// KeepOrder answers in the order of the request. Otherwise the order is shuffled.
	KeepOrder bool
	// UpperIDs answers with upper-case ids whatever was asked.
	UpperIDs bool
	// ExtraFields adds properties no document knows, and @odata.type to every entry.
	ExtraFields bool
	// NullUnknown writes null for availability and activity in place of PresenceUnknown.
	NullUnknown bool
	// NovelValues shows a few states under names that no list has, as a new Teams release would.
	NovelValues bool
	// CamelCase writes values as the prose since 2025 does (inAMeeting) and not as the wire was seen (InAMeeting).
	CamelCase bool
	// Government leaves out everything but availability, activity and statusMessage, as the US government clouds do.
	Government bool
	// BulkPage splits bulk answers into pages of this many entries joined by @odata.nextLink. Zero: one page.
	BulkPage int

	// EmptyPages puts an empty page with a nextLink between the pages of a group.
	EmptyPages bool

	// RetryAfter is the form of the Retry-After header of a 429. Empty: whole seconds.
	RetryAfter RetryAfter
	// ExpiresInText writes expires_in as a string, as the older token endpoint does.
	ExpiresInText bool
	// NoSlowDown lets a client poll a device code as fast as it likes, as Entra seems to.
	NoSlowDown bool
}

// RetryAfter is a way to write a Retry-After header.
type RetryAfter string

// The forms that have been seen, printed or are allowed by RFC 9110.
const (
	RetryAfterSeconds  RetryAfter = ""
	RetryAfterFraction RetryAfter = "fraction"
	RetryAfterDate     RetryAfter = "date"
	RetryAfterAbsent   RetryAfter = "absent"
)

func retryAfterForms() []RetryAfter {
	return []RetryAfter{RetryAfterSeconds, RetryAfterFraction, RetryAfterDate, RetryAfterAbsent}
}

func (r RetryAfter) known() bool { return slices.Contains(retryAfterForms(), r) }
