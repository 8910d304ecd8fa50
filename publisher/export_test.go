package publisher

// IsStored reports whether a reply passes for the ack of n messages.
func IsStored(data []byte, n int) bool {
	l := &Log{cfg: Config{Stream: "PRESENCE"}}
	r, err := l.parseReply(data, n)
	return err == nil && r.fate == stored
}

// Doubt makes the chain believe that it lost the ack of a batch, and returns the
// number of the owner message at its head.
func Doubt(c *Chain, batch string, events int) uint64 {
	c.n++
	c.doubt = &doubt{n: c.n, batch: batch, events: events}
	return c.n
}
