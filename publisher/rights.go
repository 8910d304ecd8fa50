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
	may, err := c.permissions(ctx)
	if err != nil {
		return nil, err
	}
	lacking := may.lacking(cfg.publishes(), nil)
	if !may.Subscribe.allow(c.NewInbox()) {
		lacking = append(lacking, "subscribe to _INBOX.>")
	}
	return lacking, nil
}

// Misses is like Lacks for what presenced can do without: to spread tenants over
// several replicas.
func (c *Connection) Misses(ctx context.Context) ([]string, error) {
	may, err := c.permissions(ctx)
	if err != nil {
		return nil, err
	}
	return may.lacking([]string{replicasSubject}, []string{replicasSubject}), nil
}

// permissions are a user's rights in both directions.
type permissions struct {
	Publish   rights `json:"publish"`
	Subscribe rights `json:"subscribe"`
}

func (c *Connection) permissions(ctx context.Context) (permissions, error) {
	m, err := c.RequestWithContext(ctx, "$SYS.REQ.USER.INFO", nil)
	if err != nil {
		return permissions{}, fmt.Errorf("ask for our rights: %w", err)
	}
	var info struct {
		Data struct {
			Permissions permissions `json:"permissions"`
		} `json:"data"`
	}
	if err := json.Unmarshal(m.Data, &info); err != nil {
		return permissions{}, fmt.Errorf("read our rights: %w", err)
	}
	return info.Data.Permissions, nil
}

// lacking names the subjects that may not be published or subscribed to.
func (p permissions) lacking(publish, subscribe []string) []string {
	var lacking []string
	for _, subject := range publish {
		if !p.Publish.allow(subject) {
			lacking = append(lacking, "publish "+subject)
		}
	}
	for _, subject := range subscribe {
		if !p.Subscribe.allow(subject) {
			lacking = append(lacking, "subscribe to "+subject)
		}
	}
	return lacking
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
