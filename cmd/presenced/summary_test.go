package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func TestSummaryTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := summary{Served: 7, Changes: 7, MaxIn30s: 1500, limit: 1500}
	tests := []struct {
		name  string
		spoil func(*summary)
		want  string
	}{
		{"nothing", func(*summary) {}, ""},
		{"a change that is not in the log", func(s *summary) { s.Missing = 1 }, "1 missing"},
		{"an event twice", func(s *summary) { s.Duplicates = 2 }, "2 duplicates"},
		{"an event of nothing", func(s *summary) { s.Invented = 3 }, "3 invented"},
		{"a revision left out", func(s *summary) { s.BrokenRevisions = 4 }, "4 broken revisions"},
		{"other counts", func(s *summary) { s.Changes = 6 }, "7 changes served and 6 change events"},
		{"over the limit", func(s *summary) { s.MaxIn30s = 1501 }, "1501 requests in 30 s, at most 1500"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := good
			tt.spoil(&s)
			got := ""
			if err := s.wrong(); err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("wrong() = %q, want %q", got, tt.want)
			}
		})
	}
}

// A demo whose log somebody has written to must not end as if all were well.
func TestDemoFailsWhenItsLogIsWrong(t *testing.T) {
	t.Parallel()
	b := start(t, "demo", "--users", "40", "--nats-listen", anyPort, "--http-listen", anyPort)
	server := regexp.MustCompile(`NATS at (nats://\S+)`)
	eventually(t, "the demo says where NATS is", func() bool { return server.MatchString(b.stderr.String()) })
	js := jetStream(t, server.FindStringSubmatch(b.stderr.String())[1])
	var first *jetstream.RawStreamMsg
	eventually(t, "a snapshot is in the log", func() bool {
		log, err := js.Stream(t.Context(), "PRESENCE")
		if err != nil {
			return false
		}
		first, err = log.GetMsg(t.Context(), 1, jetstream.WithGetMsgSubject("presence.*.user.>"))
		return err == nil
	})
	if _, err := js.Publish(t.Context(), first.Subject, first.Data); err != nil {
		t.Fatal(err)
	}
	if code := b.stop(); code != exitFailed {
		t.Errorf("exit %d with a doubled event in the log, want %d:\n%s", code, exitFailed, b.stdout.String())
	}
	if !strings.Contains(b.stdout.String(), "THE LOG IS WRONG") || !strings.Contains(b.stderr.String(), "1 duplicates") {
		t.Errorf("it says:\n%s%s", b.stdout.String(), b.stderr.String())
	}
}
