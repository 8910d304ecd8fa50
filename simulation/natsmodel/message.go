package natsmodel

import (
	"net/textproto"
	"strings"
	"time"
)

// Message is one message of a stream, as it was stored.
type Message struct {
	Sequence uint64
	Subject  string
	Header   string // as on the wire, with its first line; empty: none
	Data     []byte
	Stored   time.Time
	Gone     bool // rolled up or replaced since
}

// Get is the value of a header; empty where there is none. Names are matched to
// the letter, as the real server does.
func (m *Message) Get(name string) string { return header(m.Header, name) }

func header(h, name string) string {
	for line := range strings.SplitSeq(h, "\r\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && key == name {
			return textproto.TrimString(value)
		}
	}
	return ""
}

// with adds a header.
func with(h, name, value string) string {
	if h == "" {
		h = "NATS/1.0\r\n\r\n"
	}
	return strings.TrimSuffix(h, "\r\n") + name + ": " + value + "\r\n\r\n"
}

// without removes the headers that begin with prefix.
func without(h, prefix string) string {
	if h == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(h, "\r\n\r\n"), "\r\n") {
		if !strings.HasPrefix(line, prefix) {
			b.WriteString(line + "\r\n")
		}
	}
	return b.String() + "\r\n"
}

// status is a header that carries no message but a word of the server.
func status(line string, fields ...string) string {
	h := "NATS/1.0 " + line + "\r\n"
	for i := 0; i+1 < len(fields); i += 2 {
		h += fields[i] + ": " + fields[i+1] + "\r\n"
	}
	return h + "\r\n"
}
