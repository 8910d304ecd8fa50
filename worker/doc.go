// Package worker watches tenants. For each of them one goroutine owns what is
// last known and turns ticks into sweeps, answers into events, events into
// batches of the log.
//
// Follow one presence: schedule.go says when a sweep is due, sweep.go asks for it
// chunk by chunk, lastknown.go compares each answer by presence.Rule.Diff, and
// append.go writes the events and lets the last-known state move only after the
// ack. reign.go is the loop around them, tenant.go how a replica comes to reign.
//
// The package knows neither HTTP nor NATS: Source, Budget and Journal are all it
// needs of the world, so a whole worker runs in fake time.
package worker
