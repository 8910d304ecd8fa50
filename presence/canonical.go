package presence

import (
	"strconv"
	"strings"
	"time"
	"unique"
)

// parseCanonical reads an event in the very form that [Event.MarshalJSON] gives it,
// as all but the rare ones have: without the texts that are personal data, without
// escapes. Anything else is not ok, and for encoding/json to judge: whatever is read
// here reads there the same (FuzzParseEvent). An owner that loads a million users
// waits for little else.
func parseCanonical(payload []byte) (e Event, ok bool) {
	c := cursor{rest: payload}
	c.literal(`{"specversion":"1.0","type":"`)
	e.Kind = kindOf(string(c.text()))
	c.literal(`,"source":"/tenants/`)
	tenant := c.text()
	c.literal(`,"subject":"`)
	user := c.text()
	c.literal(`,"id":"`)
	id := c.text()
	c.literal(`,"time":"`)
	at := c.text()
	c.literal(`,"datacontenttype":"application/json","data":{"tenant":"`)
	c.literal(string(tenant))
	c.literal(`","user":"`)
	c.literal(string(user))
	c.literal(`","revision":`)
	e.Revision = c.number()
	if c.skip(`,"changed":[`) {
		e.Changed = c.words()
	}
	if c.skip(`,"before":{`) {
		e.Before = &Past{Presence: c.presence()}
		c.literal(`,"since":"`)
		e.Before.Since = c.time()
		c.literal(`}`)
	}
	if c.skip(`,"after":{`) {
		after := c.presence()
		e.After = &after
		c.literal(`}`)
	}
	c.literal(`,"observed":{`)
	if c.skip(`"notBefore":"`) {
		e.Observed.NotBefore = c.time()
		c.literal(`,`)
	}
	c.literal(`"at":"`)
	c.literal(string(at))
	c.literal(`"},"gap":`)
	if e.Gap = c.skip(`true`); !e.Gap {
		c.literal(`false`)
	}
	c.literal(`,"reason":"`)
	e.Reason = Reason(intern(c.text()))
	c.literal(`}}`)
	if c.lost || len(c.rest) > 0 || e.Kind == "" || e.Observed.At.UnmarshalText(at) != nil {
		return Event{}, false
	}
	e.Tenant, e.User = intern(tenant), UserID(user)
	return e, e.hasID(string(id)) && e.check() == nil
}

// hasID is e.ID() == id.
func (e Event) hasID(id string) bool {
	id, ok := strings.CutPrefix(id, e.Tenant+"/")
	if ok {
		id, ok = strings.CutPrefix(id, string(e.User))
	}
	return ok && id == "/"+strconv.FormatUint(e.Revision, 10)
}

// intern makes one string of equal ones: the same few words stand in every event.
func intern(word []byte) string { return unique.Make(string(word)).Value() }

// cursor goes over a text of known form. Once it is lost, what it gives means
// nothing.
type cursor struct {
	rest []byte
	lost bool
}

// skip goes over the text, if it is there.
func (c *cursor) skip(text string) bool {
	if len(c.rest) < len(text) || string(c.rest[:len(text)]) != text {
		return false
	}
	c.rest = c.rest[len(text):]
	return true
}

func (c *cursor) literal(text string) {
	if !c.skip(text) {
		c.lost = true
	}
}

// text gives a string up to its closing quote. One with escapes, or beyond ASCII,
// is not canonical.
func (c *cursor) text() []byte {
	for i, b := range c.rest {
		switch {
		case b == '"':
			text := c.rest[:i]
			c.rest = c.rest[i+1:]
			return text
		case b < ' ' || b > '~' || b == '\\':
			c.lost = true
			return nil
		}
	}
	c.lost = true
	return nil
}

func (c *cursor) number() uint64 {
	i := 0
	for i < len(c.rest) && '0' <= c.rest[i] && c.rest[i] <= '9' {
		i++
	}
	n, err := strconv.ParseUint(string(c.rest[:i]), 10, 64)
	c.lost = c.lost || err != nil || i > 1 && c.rest[0] == '0'
	c.rest = c.rest[i:]
	return n
}

func (c *cursor) time() (t time.Time) {
	if t.UnmarshalText(c.text()) != nil {
		c.lost = true
	}
	return t
}

// words gives a list of at least one string, without its opening bracket.
func (c *cursor) words() (list []string) {
	for more := true; more && !c.lost; more = c.skip(`,`) {
		c.literal(`"`)
		list = append(list, intern(c.text()))
	}
	c.literal(`]`)
	return list
}

// presence gives one without the fields that are texts, and stands behind its last
// field.
func (c *cursor) presence() (p Presence) {
	c.literal(`"availability":"`)
	p.Availability = intern(c.text())
	c.literal(`,"activity":"`)
	p.Activity = intern(c.text())
	if c.skip(`,"sequenceNumber":"`) {
		p.SequenceNumber = string(c.text())
	}
	return p
}
