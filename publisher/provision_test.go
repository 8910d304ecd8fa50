package publisher_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"presenced/publisher"
)

func TestOpenMakesWhatIsMissing(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	openLog(t, srv)
	openLog(t, srv) // a second time there is nothing to make, and nothing drifts
	kv, err := rawJetStream(t, srv).KeyValue(t.Context(), "presence")
	if err != nil {
		t.Fatalf("the table is no key-value bucket: %v", err)
	}
	if s, err := kv.Status(t.Context()); err != nil || s.History() != 1 {
		t.Errorf("status of the bucket: %v, %v", s, err)
	}
}

func TestOpenMakesNothingUnlessAllowed(t *testing.T) {
	t.Parallel()
	for _, manage := range []publisher.Manage{publisher.ManageVerify, publisher.ManageOff} {
		t.Run(string(manage), func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			cfg := config
			cfg.Manage = manage
			_, _, err := publisher.Open(t.Context(), connect(t, srv), cfg)
			if !errors.Is(err, publisher.ErrUnfit) || !errors.Is(err, publisher.ErrMissing) {
				t.Errorf("open: %v, want %v and %v", err, publisher.ErrUnfit, publisher.ErrMissing)
			}
			if _, err := rawJetStream(t, srv).Stream(t.Context(), "PRESENCE"); !errors.Is(err, jetstream.ErrStreamNotFound) {
				t.Errorf("stream after a refused open: %v", err)
			}
		})
	}
}

func TestOpenComparesAndNeverChanges(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   string // in the drift, or in the error if it breaks the promise
		breaks bool
	}{
		"shorter history":    {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "--max-age=720h", false},
		"no batches":         {func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }, "allow_atomic", true},
		"no rollup":          {func(c *jetstream.StreamConfig) { c.AllowRollup = false }, "allow_rollup", true},
		"reads by followers": {func(c *jetstream.StreamConfig) { c.AllowDirect = true }, "allow_direct", true},
		"memory":             {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "storage", true},
		"interest retention": {func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }, "retention", true},
		"drops the oldest":   {func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 }, "max_msgs", true},
		"few per subject":    {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }, "max_msgs_per_subject", true},
		"refuses when full":  {func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 1<<20, jetstream.DiscardNew }, "max_bytes", false},
		"forgets when full":  {func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }, "max_bytes", true},
		"small messages":     {func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 }, "max_msg_size", true},
		"big messages":       {func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1 << 20 }, "max_msg_size", false},
		"few consumers":      {func(c *jetstream.StreamConfig) { c.MaxConsumers = 3 }, "max_consumers", false},
		"no acks":            {func(c *jetstream.StreamConfig) { c.NoAck = true }, "no_ack", true},
		"markers":            {func(c *jetstream.StreamConfig) { c.AllowMsgTTL, c.SubjectDeleteMarkerTTL = true, time.Minute }, "subject_delete_marker_ttl", true},
		"sources":            {func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "OTHER"}} }, "pass for events", true},
		"other names for subjects": {func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "presence.>", Destination: "absence.>"}
		}, "subject_transform", true},
		"other subjects": {func(c *jetstream.StreamConfig) { c.Subjects = []string{"presence.>"} }, "presenced.owner.*", true},
		"more subjects":  {func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "more.>") }, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			js := rawJetStream(t, srv)
			made := jetstream.StreamConfig{
				Name: "PRESENCE", Subjects: []string{"presence.>", "presenced.owner.*"}, MaxAge: 720 * time.Hour,
				AllowAtomicPublish: true, AllowRollup: true,
			}
			tc.change(&made)
			s, err := js.CreateStream(t.Context(), made)
			if err != nil {
				t.Fatal(err)
			}
			before := s.CachedInfo().Config
			_, drifts, err := publisher.Open(t.Context(), connect(t, srv), config)
			said := ""
			for _, d := range drifts {
				said += d.String() + "\n"
			}
			if errors.Is(err, publisher.ErrUnfit) != tc.breaks {
				t.Errorf("open: %v, want it refused: %t", err, tc.breaks)
			}
			if err != nil {
				said += err.Error()
			}
			if tc.want == "" && said != "" || !strings.Contains(said, tc.want) {
				t.Errorf("said %q, want %q in it", said, tc.want)
			}
			after, err := s.Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if after.Config.MaxAge != before.MaxAge || after.Config.AllowAtomicPublish != before.AllowAtomicPublish || len(after.Config.Subjects) != len(before.Subjects) {
				t.Errorf("the stream was changed to %+v", after.Config)
			}
		})
	}
}

func TestReaderNeedsNoOwner(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	log := openLog(t, srv)
	c, _ := owned(t, log, "a")
	p := newPeople()
	mustAppend(t, c, p.become("Busy", "Busy", userID(1)))
	var seen []string
	if err := log.Replay(t.Context(), log.Subject("*.user.*.*.Busy.*"), 0, func(r publisher.Record) { seen = append(seen, r.Subject) }); err != nil || len(seen) != 1 {
		t.Errorf("replay by value = %q, %v; want one", seen, err)
	}
	if err := log.Replay(t.Context(), log.Subject("*.user.*.*.Away.*"), 0, func(publisher.Record) { t.Error("who is Away?") }); err != nil {
		t.Error(err)
	}
}

// A table that is filled otherwise, or from elsewhere, is no table of ours.
func TestOpenComparesTheTable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   string
		breaks bool
	}{
		"another source": {func(c *jetstream.StreamConfig) { c.Sources[0].Name = "OTHER" }, "fills it again from the log", true},
		"no source":      {func(c *jetstream.StreamConfig) { c.Sources = nil }, "fills it again from the log", true},
		"other keys":     {func(c *jetstream.StreamConfig) { c.Sources[0].SubjectTransforms = c.Sources[0].SubjectTransforms[:1] }, "fills it again from the log", true},
		"entries expire": {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "max_age", true},
		"only new keys":  {func(c *jetstream.StreamConfig) { c.DiscardNewPerSubject = true }, "discard_new_per_subject", true},
		"slow":           {func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.DefaultPersistMode }, "persist_mode", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			openLog(t, srv)
			js := rawJetStream(t, srv)
			s, err := js.Stream(t.Context(), "KV_presence")
			if err != nil {
				t.Fatal(err)
			}
			cfg := s.CachedInfo().Config
			if err := js.DeleteStream(t.Context(), cfg.Name); err != nil {
				t.Fatal(err)
			}
			tc.change(&cfg)
			if _, err := js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			_, drifts, err := publisher.Open(t.Context(), connect(t, srv), config)
			said := fmt.Sprint(drifts, err)
			if errors.Is(err, publisher.ErrUnfit) != tc.breaks || !strings.Contains(said, tc.want) {
				t.Errorf("open said %s, want %q in it and refused: %t", said, tc.want, tc.breaks)
			}
		})
	}
}
