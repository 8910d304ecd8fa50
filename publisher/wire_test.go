package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/presence"
	"presenced/publisher"
)

// The server takes a misspelt or empty condition for none, so the bytes are what
// keeps two owners apart.
func TestBytesOfTheConditions(t *testing.T) {
	t.Parallel()
	s := startScripted(t, `{"stream":"PRESENCE","seq":8}`, `{"stream":"PRESENCE","seq":11,"count":3}`)
	c := s.chain(t, 30*time.Second)
	s.acquire(t, c, presence.Owner{Sequence: 7, Epoch: 4})
	p := newPeople()
	b := p.become("Busy", "InACall", userID(1))
	left := newPeople()
	left.move(userID(2), presence.State{Presence: presence.Presence{Availability: "Away", Activity: "Away"}, Revision: 1, Since: left.clock})
	b.Events = append(b.Events, left.leave(userID(2)).Events...)
	mustAppend(t, c, b)

	s.mu.Lock()
	defer s.mu.Unlock()
	ids := regexp.MustCompile(`Nats-Batch-Id: \S+`)
	var got []string
	for _, w := range s.written {
		head, _, _ := strings.Cut(w, "\r\n\r\n")
		got = append(got, ids.ReplaceAllString(head, "Nats-Batch-Id: ID"))
	}
	want := []string{
		"presenced.owner.contoso_dn2gtyrvpxc0\nNATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 7\r\nNats-Rollup: sub",
		"presenced.owner.contoso_dn2gtyrvpxc0\nNATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 8\r\nNats-Rollup: sub\r\nNats-Batch-Id: ID\r\nNats-Batch-Sequence: 1",
		"presence.contoso.user." + string(userID(1)) + ".snapshot.Busy.InACall\nNATS/1.0\r\nContent-Type: application/cloudevents+json\r\nNats-Batch-Id: ID\r\nNats-Batch-Sequence: 2",
		"presence.contoso.user." + string(userID(2)) + ".left\nNATS/1.0\r\nContent-Type: application/cloudevents+json\r\nKV-Operation: DEL\r\nNats-Batch-Id: ID\r\nNats-Batch-Sequence: 3\r\nNats-Batch-Commit: 1",
	}
	for i := range got {
		got[i] = sortHeaders(got[i])
	}
	for i := range want {
		want[i] = sortHeaders(want[i])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
}

// sortHeaders puts the header lines of a captured message in order: the client
// writes a map.
func sortHeaders(s string) string {
	lines := strings.Split(s, "\r\n")
	head, rest := lines[0], lines[1:]
	for i := range rest {
		for j := i + 1; j < len(rest); j++ {
			if rest[j] < rest[i] {
				rest[i], rest[j] = rest[j], rest[i]
			}
		}
	}
	return strings.Join(append([]string{head}, rest...), "\r\n")
}

// One row of the error table each, where one real server cannot give the answer.
func TestAnswersOfAServer(t *testing.T) {
	t.Parallel()
	const acquired = `{"stream":"PRESENCE","seq":8}`
	fails := func(code int, text string) string {
		return fmt.Sprintf(`{"stream":"PRESENCE","seq":0,"error":{"code":400,"err_code":%d,"description":%q}}`, code, text)
	}
	for name, tc := range map[string]struct {
		answers []string
		want    string // in the error of one append; empty: it succeeds
		doubt   bool
		writes  int // messages that reached the server in that append
	}{
		"stored":                     {[]string{acquired, `{"stream":"PRESENCE","seq":10,"count":2}`}, "", false, 2},
		"in flight, then stored":     {[]string{acquired, fails(10164, "wrong last sequence"), `{"stream":"PRESENCE","seq":10}`, `{"stream":"PRESENCE","seq":12,"count":2}`}, "", false, 2 + 1 + 2},
		"duplicate in flight":        {[]string{acquired, fails(10158, "duplicate message id is in process"), `{"stream":"PRESENCE","seq":10}`, `{"stream":"PRESENCE","seq":12,"count":2}`}, "", false, 2 + 1 + 2},
		"too many in flight":         {[]string{acquired, fails(10167, "too many requests")}, "too many requests", false, 2},
		"too many batches":           {[]string{acquired, fails(10210, "batch publish too many inflight")}, "too busy", false, 2},
		"incomplete":                 {[]string{acquired, fails(10176, "batch publish is incomplete")}, "too busy", false, 2},
		"store failed":               {[]string{acquired, fails(10077, "maximum bytes exceeded")}, "free or grant space", false, 2},
		"account storage":            {[]string{acquired, fails(10047, "insufficient storage")}, "free or grant space", false, 2},
		"no stream":                  {[]string{acquired, fails(10059, "stream not found")}, "restart it", false, 2},
		"other subjects":             {[]string{acquired, fails(10052, "subject does not match")}, "put them back", false, 2},
		"sealed":                     {[]string{acquired, fails(10109, "invalid operation on sealed stream")}, "recreate it", false, 2},
		"batches switched off":       {[]string{acquired, fails(10174, "atomic publish is disabled")}, "turn allow_atomic on", false, 2},
		"a header it does not take":  {[]string{acquired, fails(10177, "atomic publish unsupported header used")}, "(10177)", false, 2},
		"another stream":             {[]string{acquired, fails(10060, "expected stream does not match")}, "restart it", false, 2},
		"message ids from elsewhere": {[]string{acquired, fails(10201, "batch publish contains duplicate message id")}, "remove it", false, 2},
		"storage exceeded":           {[]string{acquired, fails(10023, "insufficient resources")}, "free or grant space", false, 2},
		"batch too large":            {[]string{acquired, fails(10199, "batch publish too large")}, "raise its limit", false, 2},
		"a code of tomorrow":         {[]string{acquired, fails(19999, "novelty")}, "novelty (19999)", false, 2},
		"no JSON":                    {[]string{acquired, "oops"}, "in doubt", true, 2 + 3},
		"ack of another stream":      {[]string{acquired, `{"stream":"OTHER","seq":10,"count":2}`}, `of stream "OTHER"`, true, 2 + 3},
		"ack of a duplicate":         {[]string{acquired, `{"stream":"PRESENCE","seq":10,"count":2,"duplicate":true}`, ""}, "in doubt", true, 0},
		"ack of too few":             {[]string{acquired, `{"stream":"PRESENCE","seq":10,"count":1}`, ""}, "in doubt", true, 0},
		"ack below what we have":     {[]string{acquired, `{"stream":"PRESENCE","seq":4,"count":2}`}, "counts from the start again", false, 2},
		"silence":                    {[]string{acquired, ""}, "in doubt", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startScripted(t, tc.answers...)
			timeout := 30 * time.Second
			if tc.doubt { // the server may keep silent
				timeout = time.Second
			}
			c := s.chain(t, timeout)
			s.acquire(t, c, presence.Owner{Sequence: 7})
			s.mu.Lock()
			s.written = nil
			s.mu.Unlock()
			b := newPeople().become("Busy", "Busy", userID(1))
			ctx, cancel := context.WithTimeout(t.Context(), 3*timeout)
			defer cancel()
			err := c.Append(ctx, b)
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("append: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("append: %v, want %q in it", err, tc.want)
			case publisher.InDoubt(err) != tc.doubt:
				t.Errorf("in doubt = %t after %v", publisher.InDoubt(err), err)
			}
			s.mu.Lock()
			if tc.writes > 0 && len(s.written) != tc.writes {
				t.Errorf("%d messages reached the server, want %d:\n%s", len(s.written), tc.writes, strings.Join(s.written, "\n\n"))
			}
			s.answers = []string{`{"stream":"PRESENCE","seq":12,"count":2}`}
			s.mu.Unlock()
			if err == nil || tc.doubt || errors.Is(err, presence.ErrDeposed) {
				return
			}
			if err := c.Append(t.Context(), b); err != nil {
				t.Errorf("append once the cause is gone: %v", err)
			}
		})
	}
}

// A log that was restored from a backup under a living owner has older messages
// than it wrote. That ends, and is told.
func TestLogThatLostItsEnd(t *testing.T) {
	t.Parallel()
	s := startScripted(t, `{"stream":"PRESENCE","seq":8}`, `{"stream":"PRESENCE","seq":0,"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"}}`)
	c := s.chain(t, time.Second)
	s.acquire(t, c, presence.Owner{Sequence: 7})
	s.stand(t, 5)
	b := newPeople().become("Busy", "Busy", userID(1))
	var err error
	for publisher.InDoubt(err) || err == nil {
		err = c.Append(t.Context(), b)
	}
	if !errors.Is(err, presence.ErrDeposed) || !strings.Contains(err.Error(), "restored from a backup") {
		t.Errorf("append: %v, want %v and why", err, presence.ErrDeposed)
	}
}
