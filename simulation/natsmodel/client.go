package natsmodel

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// client is one connection. The server's mutex guards all but the reading.
type client struct {
	server *Server
	conn   net.Conn
	id     int
	name   string
	subs   []subscription
}

type subscription struct {
	subject, sid string
	left         int // messages until it ends by itself; 0: never
}

// serve reads until the connection ends. Half a message is no message.
func (c *client) serve() {
	info := fmt.Sprintf(`INFO {"server_id":"MODEL","server_name":"model","version":"2.15.2","proto":1,"headers":true,"max_payload":1048576,"jetstream":true,"client_id":%d}`, c.id)
	_, _ = c.conn.Write([]byte(info + "\r\n"))
	r := bufio.NewReaderSize(c.conn, 16<<10)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		var payload []byte
		verb := strings.ToUpper(fields[0])
		if verb == "PUB" || verb == "HPUB" {
			size, err := strconv.Atoi(fields[len(fields)-1])
			if err != nil {
				return
			}
			payload = make([]byte, size+2)
			if _, err := io.ReadFull(r, payload); err != nil {
				return
			}
			payload = payload[:size]
		}
		c.server.mu.Lock()
		c.handle(verb, line, fields[1:], payload)
		c.server.mu.Unlock()
	}
}

func (c *client) handle(verb, line string, args []string, payload []byte) {
	switch verb {
	case "CONNECT":
		var said struct {
			Name string `json:"name"`
		}
		_ = json.Unmarshal([]byte(strings.TrimSpace(line[len("CONNECT"):])), &said)
		c.name = said.Name
	case "PING":
		_, _ = c.conn.Write([]byte("PONG\r\n"))
	case "SUB":
		c.subs = append(c.subs, subscription{subject: args[0], sid: args[len(args)-1]})
	case "UNSUB":
		c.unsubscribe(args)
	case "PUB":
		reply := ""
		if len(args) == 3 {
			reply = args[1]
		}
		c.server.route(c, args[0], reply, "", payload)
	case "HPUB":
		reply := ""
		if len(args) == 4 {
			reply = args[1]
		}
		n, _ := strconv.Atoi(args[len(args)-2])
		c.server.route(c, args[0], reply, string(payload[:n]), payload[n:])
	}
}

func (c *client) unsubscribe(args []string) {
	for i, s := range c.subs {
		if s.sid != args[0] {
			continue
		}
		if len(args) == 2 {
			c.subs[i].left, _ = strconv.Atoi(args[1])
			return
		}
		c.subs = append(c.subs[:i], c.subs[i+1:]...)
		return
	}
}

// hear gives a message to the client's subscriptions; false if none wants it.
func (c *client) hear(subject, reply, h string, data []byte) bool {
	heard := false
	for i := 0; i < len(c.subs); i++ {
		s := &c.subs[i]
		if !matches(s.subject, subject) {
			continue
		}
		heard = true
		c.send(subject, s.sid, reply, h, data)
		if s.left > 0 {
			if s.left--; s.left == 0 {
				c.subs = append(c.subs[:i], c.subs[i+1:]...)
				i--
			}
		}
	}
	return heard
}

func (c *client) send(subject, sid, reply, h string, data []byte) {
	var b strings.Builder
	verb := "MSG "
	if h != "" {
		verb = "HMSG "
	}
	b.WriteString(verb + subject + " " + sid)
	if reply != "" {
		b.WriteString(" " + reply)
	}
	if h != "" {
		b.WriteString(" " + strconv.Itoa(len(h)))
	}
	b.WriteString(" " + strconv.Itoa(len(h)+len(data)) + "\r\n" + h)
	b.Write(data)
	b.WriteString("\r\n")
	_, _ = c.conn.Write([]byte(b.String()))
}
