package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Drift is a setting of the log or the table that is not what presenced would
// have chosen. It never mends one: the stream may be somebody else's on purpose.
type Drift struct {
	Stream  string
	Field   string
	Got     string
	Want    string
	Breaks  bool   // presenced cannot keep its promise with it
	Command string // what would mend it
}

// String is one line for people.
func (d Drift) String() string {
	return fmt.Sprintf("stream %s: %s is %s, want %s: %s", d.Stream, d.Field, d.Got, d.Want, d.Command)
}

// ErrUnfit says that the log or the table is not there or not fit for the promise,
// and that presenced may not change that. An append that ends so wrote nothing, and
// goes through once somebody has mended it.
var ErrUnfit = errors.New("the log is not fit to be used")

// ErrMissing says that the log or the table is not there, and that presenced may
// not make it.
var ErrMissing = errors.New("not there")

// Open provisions the log and the table as cfg.Manage allows and returns them,
// with the drifts that can be lived with. A drift that breaks the promise is an
// error, [ErrUnfit]; other errors may be gone the next time.
func Open(ctx context.Context, conn *Connection, cfg Config) (*Log, []Drift, error) {
	js, err := jetstream.New(conn.Conn)
	if err != nil {
		return nil, nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{cfg: cfg, conn: conn, js: js}
	var drifts []Drift
	for _, want := range []jetstream.StreamConfig{cfg.streamConfig(), cfg.tableConfig()} {
		s, err := provision(ctx, js, want, cfg.Manage)
		if err != nil {
			return nil, nil, err
		}
		if want.Name == cfg.Stream {
			l.created = s.CachedInfo().Created
		}
		if cfg.Manage != ManageOff {
			drifts = append(drifts, compare(s.CachedInfo().Config, want)...)
		}
	}
	var broken []error
	drifts = slices.DeleteFunc(drifts, func(d Drift) bool {
		if d.Breaks {
			broken = append(broken, errors.New(d.String()))
		}
		return d.Breaks
	})
	if len(broken) > 0 {
		return nil, drifts, fmt.Errorf("%w: %w", ErrUnfit, errors.Join(broken...))
	}
	return l, drifts, nil
}

// withoutJetStream is what to do where nobody answers for streams.
func withoutJetStream(err error) string {
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return ": does the server run with JetStream? enable JetStream in its configuration"
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return ": enable JetStream for the account of presenced's NATS user"
	}
	return ""
}

func provision(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, manage Manage) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, want.Name)
	switch {
	case err == nil:
		return s, nil
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("look up stream %s: %w%s", want.Name, err, withoutJetStream(err))
	case manage != ManageCreate:
		return nil, fmt.Errorf("%w: stream %s is %w and nats.stream.manage is %q: create it, or set manage to create", ErrUnfit, want.Name, ErrMissing, manage)
	}
	s, err = js.CreateStream(ctx, want)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another replica was quicker
		s, err = js.Stream(ctx, want.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("create stream %s: %w", want.Name, err)
	}
	return s, nil
}

// compare lists how got differs from want, field by field.
func compare(got, want jetstream.StreamConfig) []Drift {
	var ds []Drift
	field := func(name string, g, w any, breaks bool, command string) {
		if gs, ws := fmt.Sprint(g), fmt.Sprint(w); gs != ws {
			ds = append(ds, Drift{want.Name, name, gs, ws, breaks, command})
		}
	}
	edit := func(flags string) string { return "run nats stream edit " + want.Name + " " + flags }
	missing := slices.DeleteFunc(slices.Clone(want.Subjects), func(s string) bool { return slices.Contains(got.Subjects, s) })
	if len(missing) > 0 {
		field("subjects", got.Subjects, want.Subjects, true, edit("--subjects="+strings.Join(want.Subjects, ",")))
	}
	field("storage", got.Storage, want.Storage, true, "its storage cannot be changed; recreate it")
	field("retention", got.Retention, want.Retention, true, "its retention cannot be changed; recreate it")
	field("allow_atomic", got.AllowAtomicPublish, want.AllowAtomicPublish, want.AllowAtomicPublish, edit("--allow-batch"))
	field("allow_rollup_hdrs", got.AllowRollup, want.AllowRollup, true, edit("--allow-rollup"))
	field("sealed", got.Sealed, false, true, "a sealed stream cannot be written; recreate it")
	field("allow_direct", got.AllowDirect, want.AllowDirect, !want.AllowDirect, edit("--no-allow-direct"))
	field("max_msgs_per_subject", max(got.MaxMsgsPerSubject, -1), perSubject(want), true, edit("--max-msgs-per-subject="+fmt.Sprint(perSubject(want))))
	field("max_msgs", got.MaxMsgs, -1, true, edit("--max-msgs=-1"))
	field("max_bytes", got.MaxBytes, -1, got.Discard == jetstream.DiscardOld, edit("--max-bytes=-1"))
	field("max_age", got.MaxAge, want.MaxAge, want.MaxAge == 0, edit("--max-age="+want.MaxAge.String()))
	field("max_msg_size", max(got.MaxMsgSize, -1), -1, got.MaxMsgSize > 0 && got.MaxMsgSize < roomy, edit("--max-msg-size=-1"))
	field("max_consumers", max(got.MaxConsumers, -1), -1, false, "its number of consumers cannot be changed; recreate it")
	field("no_ack", got.NoAck, false, true, edit("--ack"))
	field("discard_new_per_subject", got.DiscardNewPerSubject, false, true, edit("--no-discard-per-subject"))
	field("subject_delete_marker_ttl", got.SubjectDeleteMarkerTTL, want.SubjectDeleteMarkerTTL, true, "its markers would pass for events; recreate it")
	field("persist_mode", got.PersistMode, want.PersistMode, got.PersistMode == jetstream.AsyncPersistMode, "its persist mode cannot be changed; recreate it")
	field("mirror", mirror(got), mirror(want), true, "a mirror takes no events; recreate it")
	field("subject_transform", transform(got), transform(want), true, edit("--no-transform")+", or recreate it")
	field("replicas", got.Replicas, want.Replicas, false, edit(fmt.Sprintf("--replicas=%d", want.Replicas)))
	if len(want.Sources) > 0 {
		field("sources", sources(got), sources(want), true, "recreate it; presenced fills it again from the log")
	} else {
		field("sources", sources(got), sources(want), true, "what it copies from elsewhere would pass for events; recreate it")
	}
	return ds
}

// roomy is a message size that no event and no owner message comes near.
const roomy = 64 << 10

func mirror(c jetstream.StreamConfig) string {
	if c.Mirror == nil {
		return "none"
	}
	return c.Mirror.Name
}

func transform(c jetstream.StreamConfig) string {
	if c.SubjectTransform == nil {
		return "none"
	}
	return c.SubjectTransform.Source + ">" + c.SubjectTransform.Destination
}

func perSubject(c jetstream.StreamConfig) int64 {
	if c.MaxMsgsPerSubject == 0 {
		return -1
	}
	return c.MaxMsgsPerSubject
}

func sources(c jetstream.StreamConfig) string {
	if len(c.Sources) == 0 {
		return "none"
	}
	var b strings.Builder
	for _, s := range c.Sources {
		fmt.Fprintf(&b, "%s(", s.Name)
		for _, t := range s.SubjectTransforms {
			fmt.Fprintf(&b, "%s>%s,", t.Source, t.Destination)
		}
		b.WriteString(")")
	}
	return b.String()
}
