package graphclient

import (
	"errors"
	"net/url"
	"reflect"
	"strings"
	"unicode/utf8"

	"presenced/presence"
)

// maxSequence bounds Graph's version stamp.
const maxSequence = 64

// harvest sorts the entries of one chunk's answer by the ids that were asked for,
// whatever their order and case.
type harvest struct {
	fields   Fields
	single   bool // one entity may stand for a list of one
	index    map[presence.UserID]int
	found    []found
	words    map[string]string // Graph's words to ours; empty: garbled
	raw      personal          // the entry at hand
	unasked  int
	newWords int
}

type found struct {
	answer presence.Answer
	state  foundState
}

type foundState uint8

const (
	nothing foundState = iota
	once
	torn // two entries that differ: neither can be trusted
)

func newHarvest(ids []presence.UserID, fields Fields, single bool) *harvest {
	h := &harvest{
		fields: fields, single: single, found: make([]found, len(ids)),
		index: make(map[presence.UserID]int, len(ids)), words: make(map[string]string, 16),
	}
	for i, id := range ids {
		h.index[id] = i
	}
	return h
}

// next takes a page in and gives the URL of the page after it; nil: there is none.
// seen holds the links that were followed before.
func (h *harvest) next(r *reply, from *url.URL, seen map[string]bool) (*url.URL, error) {
	link, err := h.page(r)
	if err != nil || link == "" {
		return nil, err
	}
	if seen[link] {
		return nil, errors.New("the next link comes again and again")
	}
	seen[link] = true
	return nextLink(from, link)
}

// page takes all of a page in, or nothing of it.
func (h *harvest) page(r *reply) (link string, err error) {
	entries, nobody := 0, 0
	answers := make([]presence.Answer, 0, len(h.found))
	into := any(&h.raw.entry)
	if h.fields.any() {
		into = &h.raw
	}
	link, err = readPage(r.body, h.single, into, func() {
		entries++
		id, err := presence.ParseUserID(h.raw.ID.value)
		if p, ok := h.presence(); err != nil {
			nobody++
		} else if ok {
			answers = append(answers, presence.Answer{User: id, Presence: p, Asked: r.asked, At: r.at})
		}
		h.raw = personal{}
	})
	if err != nil {
		return "", err
	}
	if entries > 0 && len(answers) == 0 {
		return "", errors.New("the answer holds no presence")
	}
	h.unasked += nobody
	for _, a := range answers {
		h.settle(a)
	}
	return link, nil
}

func (h *harvest) settle(a presence.Answer) {
	i, ok := h.index[a.User]
	if !ok {
		h.unasked++
		return
	}
	switch f := &h.found[i]; f.state {
	case nothing:
		f.answer, f.state = a, once
	case once:
		if !reflect.DeepEqual(f.answer.Presence, a.Presence) {
			f.state = torn
		}
	}
}

// answers are in the order of the ids.
func (h *harvest) answers() []presence.Answer {
	all := make([]presence.Answer, 0, len(h.found))
	for _, f := range h.found {
		if f.state == once {
			all = append(all, f.answer)
		}
	}
	return all
}

// presence makes our form of the entry at hand. Both words have to be there:
// Graph has answered with user objects before. A null is PresenceUnknown.
func (h *harvest) presence() (presence.Presence, bool) {
	availability := h.word(h.raw.Availability)
	activity := h.word(h.raw.Activity)
	if availability == "" || activity == "" {
		return presence.Presence{}, false
	}
	p := presence.Presence{Availability: availability, Activity: activity, SequenceNumber: sequence(h.raw.SequenceNumber)}
	h.raw.fill(&p, h.fields)
	return p, true
}

// word is our form of Graph's word, or empty when there is none.
func (h *harvest) word(t text) string {
	switch t.kind {
	case null:
		return presence.Unknown
	case isText:
	default:
		return ""
	}
	if w, ok := h.words[t.value]; ok {
		return w
	}
	w := presence.Canonical(t.value)
	if t.value != "" && !presence.IsKnownWord(t.value) {
		h.newWords++
		if presence.IsKnownWord(w) || strings.ContainsRune(t.value, utf8.RuneError) { // nothing readable, or broken on the way
			w = ""
		}
	}
	h.words[t.value] = w
	return w
}

// sequence leaves out stamps that could not be compared bytewise.
func sequence(t text) string {
	if t.kind != isText || len(t.value) > maxSequence || strings.IndexFunc(t.value, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return ""
	}
	return t.value
}
