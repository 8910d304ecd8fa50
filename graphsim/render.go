package graphsim

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"time"
)

// entity is the presence resource on the wire
// (https://learn.microsoft.com/graph/api/resources/presence, read 2026-11-23).
type entity struct {
	Context        string         `json:"@odata.context,omitempty"`
	Type           string         `json:"@odata.type,omitempty"`
	ID             string         `json:"id"`
	Availability   *string        `json:"availability"`
	Activity       *string        `json:"activity"`
	StatusMessage  *statusMessage `json:"statusMessage"`
	OutOfOffice    *outOfOffice   `json:"outOfOfficeSettings,omitempty"`
	WorkLocation   *workLocation  `json:"workLocation,omitempty"`
	SequenceNumber string         `json:"sequenceNumber,omitempty"`
	Novel          *novel         `json:"presenceInsights,omitempty"`
}

type statusMessage struct {
	Message itemBody `json:"message"`
}

type itemBody struct {
	Content     string `json:"content"`
	ContentType string `json:"contentType"`
}

type outOfOffice struct {
	Message       *string `json:"message"`
	IsOutOfOffice bool    `json:"isOutOfOffice"`
}

type workLocation struct {
	PlaceID *string `json:"placeId"`
	Source  string  `json:"source"`
	Type    string  `json:"workLocationType"`
}

// novel stands for whatever Graph adds next.
type novel struct {
	Confidence float64 `json:"confidence"`
	Tags       []any   `json:"tags"`
}

// entry is one presence of an answer, and what it says.
type entry struct {
	showing
	json entity
	mute bool // not an answer to the question, so it does not count as served
}

// told returns what entries said about those who were asked for.
func told(entries []entry) []showing {
	list := make([]showing, 0, len(entries))
	for _, e := range entries {
		if !e.mute {
			list = append(list, e.showing)
		}
	}
	return list
}

// render writes down what one id is, in the words the modes ask for.
func (m Modes) render(id string, p Presence, known bool) entry {
	words := pair{p.Availability, p.Activity}
	if !known {
		words = presenceUnknown.pair()
	}
	if m.NovelValues {
		words = words.novel()
	}
	if m.CamelCase {
		words = pair{camel(words.availability), camel(words.activity)}
	}
	e := entry{json: entity{ID: strings.ToLower(id), Availability: &words.availability, Activity: &words.activity}}
	if m.NullUnknown && strings.EqualFold(words.availability, "PresenceUnknown") {
		words = pair{}
		e.json.Availability, e.json.Activity = nil, nil
	}
	e.showing = showing{e.json.ID, words.availability, words.activity, p.Since}
	if m.UpperIDs {
		e.json.ID = strings.ToUpper(id)
	}
	if !m.Government {
		e.json.addSettings(p, known)
	}
	if m.ExtraFields {
		e.json.Type, e.json.Novel = "#microsoft.graph.presence", &novel{Confidence: 0.5, Tags: []any{nil, 1, "a"}}
	}
	return e
}

// addSettings adds what only some clouds have. The texts are personal data in a real tenant: they are here so that a
// test can see that they go nowhere.
func (e *entity) addSettings(p Presence, known bool) {
	e.OutOfOffice = &outOfOffice{IsOutOfOffice: p.OutOfOffice}
	if p.OutOfOffice {
		text := "Away until Monday, my colleagues will help you."
		e.OutOfOffice.Message = &text
	}
	if !known {
		return
	}
	e.SequenceNumber = p.Sequence
	switch e.ID[0] {
	case '0', '1':
		e.StatusMessage = &statusMessage{itemBody{"Call me if it is urgent.", "text"}}
		e.WorkLocation = &workLocation{Source: "manual", Type: "remote"}
	case '2', '3', '4':
		e.WorkLocation = &workLocation{Source: "scheduled", Type: "office"}
	}
}

// novel replaces a few words by words that no list has.
func (p pair) novel() pair {
	switch p.activity {
	case "Presenting":
		return pair{"DoNotDisturb", "PresentingInSpace"}
	case "InACall":
		return pair{"Busy", "InAHuddle"}
	case "BeRightBack":
		return pair{"SteppedOut", "BeRightBack"}
	}
	return p
}

func camel(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// collection is a list of presences on the wire.
type collection struct {
	Context  string   `json:"@odata.context"`
	NextLink string   `json:"@odata.nextLink,omitempty"`
	Value    []entity `json:"value"`
}

// encode returns v as JSON without HTML escapes, which Graph does not write.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // a buffer takes everything, and the types here have nothing that JSON cannot write
	return b.Bytes()
}

func entities(entries []entry) []entity {
	list := make([]entity, len(entries))
	for i, e := range entries {
		list[i] = e.json
	}
	return list
}

// shuffled returns entries in an order that depends on the moment: documentation promises none.
func shuffled(entries []entry, now time.Time) []entry {
	rng := rand.New(rand.NewPCG(uint64(now.UnixNano()), 0))
	rng.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	return entries
}
