package graphclient

import (
	"encoding/json"
	"unicode/utf8"

	"presenced/presence"
)

// maxPersonal bounds a text that a person wrote, in bytes.
const maxPersonal = 4 << 10

// statusMessage is the text of a presenceStatusMessage, whose other keys are
// absent when somebody else's presence is read.
//
// Source: https://learn.microsoft.com/graph/api/resources/presencestatusmessage
type statusMessage struct {
	kind    kind
	content string
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *statusMessage) UnmarshalJSON(data []byte) error {
	var raw struct {
		Message struct {
			Content text `json:"content"`
		} `json:"message"`
	}
	m.kind = readObject(data, &raw)
	m.content = bounded(raw.Message.Content)
	return nil
}

// outOfOffice is an outOfOfficeSettings.
//
// Source: https://learn.microsoft.com/graph/api/resources/outofofficesettings
type outOfOffice struct {
	kind  kind
	value presence.OutOfOffice
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *outOfOffice) UnmarshalJSON(data []byte) error {
	var raw struct {
		IsOutOfOffice bool `json:"isOutOfOffice"` // null stays false
		Message       text `json:"message"`
	}
	o.kind = readObject(data, &raw)
	o.value = presence.OutOfOffice{Active: raw.IsOutOfOffice, Message: bounded(raw.Message)}
	return nil
}

// workLocation is a userWorkLocation.
//
// Source: https://learn.microsoft.com/graph/api/resources/userworklocation
type workLocation struct {
	kind  kind
	value presence.WorkLocation
}

// UnmarshalJSON implements json.Unmarshaler.
func (w *workLocation) UnmarshalJSON(data []byte) error {
	var raw struct {
		Type    text `json:"workLocationType"`
		Source  text `json:"source"`
		PlaceID text `json:"placeId"`
	}
	w.kind = readObject(data, &raw)
	w.value = presence.WorkLocation{Type: bounded(raw.Type), Source: bounded(raw.Source), PlaceID: bounded(raw.PlaceID)}
	return nil
}

// readObject tells an object from null and from everything else.
func readObject(data []byte, into any) kind {
	switch {
	case data[0] == 'n':
		return null
	case data[0] != '{' || json.Unmarshal(data, into) != nil:
		return other
	}
	return isText
}

// bounded cuts a text at a character.
func bounded(t text) string {
	s := t.value
	if len(s) <= maxPersonal {
		return s
	}
	s = s[:maxPersonal]
	for !utf8.ValidString(s) { // at most three steps: text is valid UTF-8
		s = s[:len(s)-1]
	}
	return s
}

// fill adds what is asked for and was sent. What was not sent stays nil: that is
// no news. Null is news: there is none.
func (p *personal) fill(to *presence.Presence, want Fields) {
	if k := p.StatusMessage.kind; want.StatusMessage && (k == isText || k == null) {
		to.StatusMessage = new(p.StatusMessage.content)
	}
	if k := p.OutOfOffice.kind; want.OutOfOffice && (k == isText || k == null) {
		to.OutOfOffice = new(p.OutOfOffice.value)
	}
	if k := p.WorkLocation.kind; want.WorkLocation && (k == isText || k == null) {
		to.WorkLocation = new(p.WorkLocation.value)
	}
}
