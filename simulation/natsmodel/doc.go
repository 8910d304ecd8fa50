// Package natsmodel is a model of a NATS server with JetStream: as much of both as
// presenced uses, in memory, on any net.Conn, and in fake time. TestConformance
// holds it against the real server, operation by operation.
//
// It knows core publish and subscribe, streams with conditions on the last
// sequence of a subject, rollup and atomic batches, sourcing with transforms,
// reads by subject and sequence, and pull consumers. It has no disk, no cluster,
// no limits and no permissions.
package natsmodel
