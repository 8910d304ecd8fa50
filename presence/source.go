package presence

import (
	"encoding/json"
	"fmt"
	"time"
)

// SourceState is how much of a tenant we can see.
type SourceState string

// The states of a source.
const (
	SourceNew      SourceState = ""         // nothing was ever said about it
	SourceUp       SourceState = "up"       // every request of the last sweep was answered
	SourceDegraded SourceState = "degraded" // some were
	SourceDown     SourceState = "down"     // none was
)

// SourceEvent is the news that what we can see of a tenant changed.
type SourceEvent struct {
	Tenant   string
	Before   SourceState
	After    SourceState
	Cause    Cause     // why not up
	LastGood time.Time // every user's state was confirmed at this time or later; zero: never
	At       time.Time
	Epoch    uint64 // with N, which owner message it was decided under: makes the id unique
	N        uint64
}

// ID is unique among all events of all tenants.
func (e SourceEvent) ID() string { return fmt.Sprintf("%s/source/%d-%d", e.Tenant, e.Epoch, e.N) }

// Subject is <prefix>.<tenant>.source.<up|degraded|down>.
func (e SourceEvent) Subject(prefix string) string {
	return prefix + "." + e.Tenant + ".source." + string(e.After)
}

type sourceData struct {
	Tenant   string      `json:"tenant"`
	Before   SourceState `json:"before,omitempty"`
	After    SourceState `json:"after"`
	Cause    Cause       `json:"cause,omitempty"`
	LastGood time.Time   `json:"lastGood,omitzero"`
	At       time.Time   `json:"at"`
}

// MarshalJSON gives the CloudEvents object of docs/events.md.
func (e SourceEvent) MarshalJSON() ([]byte, error) {
	return json.Marshal(envelope[sourceData]{
		SpecVersion: "1.0", Type: "presenced.presence.source.v1", Source: "/tenants/" + e.Tenant,
		ID: e.ID(), Time: toWire(e.At), DataContentType: "application/json",
		Data: sourceData{e.Tenant, e.Before, e.After, e.Cause, toWire(e.LastGood), toWire(e.At)},
	})
}
