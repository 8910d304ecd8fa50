package publisher

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Lacks names what the connection's user may not do though presenced needs it,
// such as "publish presence.>". The server says what it allows; an error means
// that this one does not.
//
// Source: https://docs.nats.io/running-a-nats-service/configuration/sys_accounts
func (c *Connection) Lacks(ctx context.Context, cfg Config) ([]string, error) {
	m, err := c.RequestWithContext(ctx, "$SYS.REQ.USER.INFO", nil)
	if err != nil {
		return nil, fmt.Errorf("ask for our rights: %w", err)
	}
	var info struct {
		Data struct {
			Permissions struct {
				Publish   rights `json:"publish"`
				Subscribe rights `json:"subscribe"`
			} `json:"permissions"`
		} `json:"data"`
	}
	if err := json.Unmarshal(m.Data, &info); err != nil {
		return nil, fmt.Errorf("read our rights: %w", err)
	}
	var lacking []string
	for _, subject := range cfg.publishes() {
		if !info.Data.Permissions.Publish.allow(subject) {
			lacking = append(lacking, "publish "+subject)
		}
	}
	if inbox := c.NewInbox(); !info.Data.Permissions.Subscribe.allow(inbox) {
		lacking = append(lacking, "subscribe to _INBOX.>")
	}
	return lacking, nil
}

// publishes is every subject that running needs, wildcards standing for what is
// only known then.
func (cfg Config) publishes() []string {
	table := "KV_" + cfg.Bucket()
	subjects := []string{
		cfg.Prefix + ".>",
		ownerSubject("*"),
		"$KV." + cfg.Bucket() + ".>", // to put back what the table lost
		"$JS.API.STREAM.INFO." + cfg.Stream,
		"$JS.API.STREAM.INFO." + table,
		"$JS.API.STREAM.MSG.GET." + cfg.Stream,
		"$JS.API.STREAM.MSG.GET." + table,
	}
	for _, s := range []string{cfg.Stream, table} {
		subjects = append(subjects, "$JS.API.CONSUMER.CREATE."+s+".>",
			"$JS.API.CONSUMER.MSG.NEXT."+s+".*", "$JS.API.CONSUMER.DELETE."+s+".*")
	}
	return subjects
}

// rights is one direction of a user's permissions. Without any, all is allowed.
type rights struct {
	Allow []string `json:"allow"`
	Deny  []string `json:"deny"`
}

func (r rights) allow(subject string) bool {
	covers := func(pattern string) bool { return covers(pattern, subject) }
	return (len(r.Allow) == 0 || slices.ContainsFunc(r.Allow, covers)) && !slices.ContainsFunc(r.Deny, covers)
}

// covers reports whether every subject that subject stands for matches pattern.
func covers(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, token := range p {
		switch {
		case token == ">":
			return len(s) > i
		case i >= len(s) || s[i] == ">":
			return false
		case token == "*" || token == s[i]:
		default:
			return false
		}
	}
	return len(p) == len(s)
}
