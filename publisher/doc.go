// Package publisher writes presenced's events to NATS JetStream, each exactly
// once. It keeps the log (a stream of every event), has the server keep the table
// (a key-value bucket of what is last known), and holds the ownership chain that
// lets one replica at a time write for a tenant.
//
// Follow one batch: [Chain.Append] heads it with the owner message, the file
// batch.go puts it on the wire, reply.go reads what became of it, and doubt.go
// finds out when nobody said. [Chain.Acquire] and [Chain.Load] are how a replica
// comes to own a tenant and to know its state.
package publisher
