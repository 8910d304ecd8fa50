// Package presence is the domain of presenced, as data and pure functions: what
// Graph said of a person ([Presence], [Answer]), what is last known ([State]),
// how the two differ ([Rule.Diff]) and how a difference looks on the wire ([Event]).
//
// It knows neither HTTP nor NATS and imports the standard library only. Every
// other package speaks in its words; docs/events.md shows them to consumers.
package presence
