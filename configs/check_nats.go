package configs

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	leastHistory = time.Hour
	mostHistory  = 87600 * time.Hour // ten years
)

func (c *check) nats(n *NATS) {
	c.server(n)
	c.auth(n)
	c.tls(n)
	c.prefix(n.Prefix)
	s := &n.Stream
	switch {
	case len(s.Name) > 32 || !made(s.Name, letters+digits+"-_"):
		c.refuse("nats.stream.name", &fault{got: quoted(s.Name), want: "1 to 32 letters, digits, - and _", mend: "write PRESENCE, or remove the key"})
	case strings.HasPrefix(strings.ToUpper(s.Name), "KV_") || strings.HasPrefix(strings.ToUpper(s.Name), "OBJ_"):
		c.refuse("nats.stream.name", &fault{got: quoted(s.Name), want: "a name that does not begin with KV_ or OBJ_, which NATS keeps for itself", mend: "write PRESENCE, or remove the key"})
	}
	bounded(c, "nats.stream.history", s.History, leastHistory, mostHistory)
	if !slices.Contains([]int{1, 3, 5}, s.Replicas) {
		c.refuse("nats.stream.replicas", &fault{got: fmt.Sprint(s.Replicas), want: "1, 3 or 5", mend: "an even number needs as many servers for a quorum and survives no more failures"})
	}
	if s.Replicas == 1 && strings.Contains(n.URL, ",") {
		c.warn("nats.stream.replicas", "nats.url names several servers, but only one of them keeps the log: without it nothing is told; set 3")
	}
	c.oneOf("nats.stream.manage", s.Manage, "create", "verify", "off")
}

// server checks the addresses. A URL and a context exclude each other, but a flag beats a file.
func (c *check) server(n *NATS) {
	if n.URL != "" && n.Context != "" {
		switch of, by := c.layer("nats.url"), c.layer("nats.context"); {
		case of > by:
			n.Context = ""
		case by > of:
			n.URL = ""
		default:
			c.refuse("nats.context", &fault{got: "a context beside nats.url (" + c.at("nats.url") + ")", want: "one of them", mend: "remove one"})
		}
	}
	if strings.ContainsAny(n.Context, "/\\\x00") || strings.TrimSpace(n.Context) != n.Context {
		c.refuse("nats.context", &fault{got: quoted(n.Context), want: "the name of a context", mend: "`nats context ls` lists them"})
	}
	if n.URL == "" {
		return
	}
	for one := range strings.SplitSeq(n.URL, ",") {
		if x := natsURL(strings.TrimSpace(one), n); x != nil {
			c.refuse("nats.url", x)
			return
		}
	}
}

func natsURL(text string, n *NATS) *fault {
	u, err := url.Parse(text)
	x := &fault{got: shownURL(text), want: "nats://host:port", mend: "write the scheme and the host, as nats://127.0.0.1:4222"}
	switch {
	case strings.Contains(text, "@") || err == nil && u.User != nil:
		x.got, x.mend = "a URL with credentials", "move them to nats.creds, nats.nkey, nats.password_file or nats.token_file"
	case err != nil || u.Hostname() == "":
	case !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme):
		x.want = "one of nats://, tls://, ws:// and wss://"
	case strings.Trim(u.Path, "/") != "" || strings.ContainsAny(text, "?#"):
		x.got, x.mend = "a URL with a path, query or fragment", "write the scheme, the host and the port only"
	case !portFits(u.Port()):
		x.want = "a port from 1 to 65535"
	case (u.Scheme == "nats" || u.Scheme == "ws") && !loopback(u.Hostname()) && n.TLS == (TLS{}) && !n.AllowPlaintext:
		x.got += ", where presence and credentials would travel in the open"
		x.want, x.mend = "tls:// or wss:// to another host", "or set nats.allow_plaintext: true in a network that you trust"
	default:
		return nil
	}
	return x
}

func (c *check) tls(n *NATS) {
	t := &n.TLS
	if *t == (TLS{}) {
		return
	}
	if n.URL == "" {
		c.refuse("nats.tls", &fault{got: "TLS without nats.url", want: "a server to connect to", mend: "set nats.url, or remove the section"})
		return
	}
	if t.CA != "" && c.path("nats.tls.ca", &t.CA) {
		data, x := readPublic(t.CA)
		if x == nil && !x509.NewCertPool().AppendCertsFromPEM(data) {
			x = &fault{got: "a file without a certificate", want: "PEM certificates of the authorities", mend: "check that this is the right file"}
		}
		if x != nil {
			c.refuse("nats.tls.ca", x)
		}
	}
	c.pair("nats.tls.cert", "nats.tls.key", &t.Cert, &t.Key, nil)
	if strings.ContainsAny(t.ServerName, " /:@*\x00") {
		c.refuse("nats.tls.server_name", &fault{got: quoted(t.ServerName), want: "a host name", mend: "write the name in the server's certificate, without scheme and port"})
	}
}

// prefix checks the tokens that public subjects begin with. Six more follow, and a NATS subject of more than 256 bytes
// serves nobody (https://docs.nats.io/nats-concepts/subjects).
func (c *check) prefix(prefix string) {
	x := &fault{got: quoted(prefix), want: "1 to 8 names of letters, digits, - and _ with dots between", mend: "write presence, or remove the key"}
	tokens := strings.Split(prefix, ".")
	bad := len(tokens) > 8 || len(prefix) > 128
	for _, token := range tokens {
		bad = bad || !made(token, letters+digits+"-_")
	}
	switch {
	case strings.ContainsAny(prefix, "*>"):
		x.got += ", with a wildcard"
	case strings.HasPrefix(prefix, "$") || strings.HasPrefix(strings.ToUpper(prefix), "_INBOX"):
		x.got += ", which NATS keeps for itself"
	case tokens[0] == "presenced":
		x.got += ", which our own bookkeeping uses (presenced.owner.…)"
	case !bad:
		return
	}
	c.refuse("nats.prefix", x)
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// made reports whether text is not empty and made of these characters only.
func made(text, characters string) bool {
	return text != "" && strings.Trim(text, characters) == ""
}
