package publisher

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Config names the log and the table and says who looks after them.
type Config struct {
	Prefix   string        // first token(s) of every public subject, e.g. presence
	Stream   string        // the log, e.g. PRESENCE
	History  time.Duration // how long the log keeps events; the table keeps the last one for ever
	Replicas int           // 1, or 3 on a cluster
	Manage   Manage
}

// Manage is what presenced may do about the log's and the table's existence. It
// never changes one that exists.
type Manage string

// The ways to manage.
const (
	ManageCreate Manage = "create" // create what is missing
	ManageVerify Manage = "verify" // refuse to run when something is missing
	ManageOff    Manage = "off"    // neither create nor compare: needs the fewest rights
)

// Log is the stream of every event and the table that the server makes of it.
// Open gives one. It is safe for concurrent use.
type Log struct {
	cfg     Config
	conn    *Connection
	js      jetstream.JetStream
	created time.Time // the stream of the log was; tells it from another of its name
}

// Bucket is the name of the table as a key-value bucket: the prefix, with '-' for
// what a bucket's name cannot hold.
func (cfg Config) Bucket() string { return strings.ReplaceAll(cfg.Prefix, ".", "-") }

// table is the name of the table's stream.
func (cfg Config) table() string { return "KV_" + cfg.Bucket() }

// entry is the subject of a user's entry in the table's stream; "*" for every
// tenant or user.
func (cfg Config) entry(tenant, user string) string {
	return "$KV." + cfg.Bucket() + "." + tenant + "." + user
}

// ownerSubject is where owner messages live. It is not under the prefix: consumers
// of presence need never see it.
func ownerSubject(token string) string { return "presenced.owner." + token }

// ownerSubject is where the tenant's owner message lives in this very stream. In
// one that was made anew under the same name it is another subject, and empty: a
// condition that held in the old stream can never hold there by chance.
func (l *Log) ownerSubject(tenant string) string {
	return ownerSubject(tenant + "_" + strconv.FormatInt(l.created.UnixNano(), 36))
}

// ErrReplaced says that the log was deleted and made anew under a running presenced.
// What is remembered of the old one is of no use.
var ErrReplaced = errors.New("the log is another one")

// same is nil if the stream of the log is still the one that was opened. Asked after
// a write it also tells that the write went there: a stream that is deleted never
// comes back with its old time of creation.
func (l *Log) same(ctx context.Context) error {
	sent := time.Now()
	s, err := l.js.Stream(ctx, l.cfg.Stream)
	if err != nil {
		return l.unanswered(sent, l.cfg.Stream, err)
	}
	if created := s.CachedInfo().Created; !created.Equal(l.created) {
		return fmt.Errorf("%w: stream %s was deleted and made anew at %s; restart presenced to begin with it", ErrReplaced, l.cfg.Stream, created.UTC().Format(time.RFC3339))
	}
	return nil
}

// streamConfig is the log as presenced needs it.
func (cfg Config) streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               cfg.Stream,
		Description:        "presenced: every presence event, the log",
		Subjects:           []string{cfg.Prefix + ".>", ownerSubject("*")},
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		MaxAge:             cfg.History,
		Replicas:           cfg.Replicas,
		AllowAtomicPublish: true,
		AllowRollup:        true,  // one owner message a tenant
		AllowDirect:        false, // a follower's answer may be stale; ours decide ownership
		Metadata:           map[string]string{"presenced.schema": "1"},
	}
}

// tableConfig is the key-value bucket that the server sources from the log. There
// is no second write that could be lost between the two.
func (cfg Config) tableConfig() jetstream.StreamConfig {
	key := cfg.entry("{{wildcard(1)}}", "{{wildcard(2)}}")
	c := jetstream.StreamConfig{
		Name:              cfg.table(),
		Description:       "presenced: what is last known of each user, the table",
		Subjects:          []string{"$KV." + cfg.Bucket() + ".>"},
		Storage:           jetstream.FileStorage,
		MaxMsgsPerSubject: 1,
		Discard:           jetstream.DiscardNew,
		Replicas:          cfg.Replicas,
		AllowRollup:       true,
		DenyDelete:        true,
		AllowDirect:       false, // as for the log: a load begins with the table
		Metadata:          map[string]string{"presenced.schema": "1"},
		Sources: []*jetstream.StreamSource{{
			Name: cfg.Stream,
			SubjectTransforms: []jetstream.SubjectTransformConfig{
				{Source: cfg.Prefix + ".*.user.*.*.*.*", Destination: key},
				{Source: cfg.Prefix + ".*.user.*.left", Destination: key},
			},
		}},
	}
	if cfg.Replicas == 1 {
		// The table is rebuilt from the log, so it may lag behind the disk. With the
		// default mode and an fsync a message it fell 16 s behind 100,000 changes.
		c.PersistMode = jetstream.AsyncPersistMode
	}
	return c
}

// Subject is a public subject or filter: the rest behind the prefix.
func (l *Log) Subject(rest string) string { return l.cfg.Prefix + "." + rest }
