package graphclient_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/graphclient"
	"presenced/presence"
)

// Three users are asked for in each row: what becomes of the first, with two
// others answered well beside it where the row is about an entry.
func TestAnswersAreKeptApart(t *testing.T) {
	t.Parallel()
	const (
		known = iota
		novel // a word that no list has
		unknown
		none
		unreadable // no answer for anybody, and an error
	)
	u := string(user(0))
	for name, tc := range map[string]struct {
		entry string // for user 0, inside a list
		body  string // or the whole answer
		want  int
	}{
		"known":                    {entry: entry(u, "Busy", "InAMeeting"), want: known},
		"known in camelCase":       {entry: entry(u, "busy", "inAMeeting"), want: known},
		"id in upper case":         {entry: entry(strings.ToUpper(u), "Busy", "InAMeeting"), want: known},
		"extra keys":               {entry: `{"@odata.type":"#microsoft.graph.presence","x":{"y":[1,{"z":null}]},"id":"` + u + `","availability":"Busy","activity":"InAMeeting","outOfOfficeSettings":5}`, want: known},
		"escaped":                  {entry: `{"id":"` + u + `","availability":"\u0042usy","activity":"InAMeeting"}`, want: known},
		"sequence is a number":     {entry: `{"id":"` + u + `","availability":"Busy","activity":"InAMeeting","sequenceNumber":12}`, want: known},
		"deep but skipped":         {entry: `{"id":"` + u + `","availability":"Busy","activity":"InAMeeting","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, want: known},
		"same entry twice":         {entry: entry(u, "Busy", "InAMeeting") + "," + entry(u, "Busy", "InAMeeting"), want: known},
		"PresenceUnknown":          {entry: entry(u, "PresenceUnknown", "PresenceUnknown"), want: unknown},
		"presenceunknown":          {entry: entry(u, "presenceunknown", "presenceunknown"), want: unknown},
		"null":                     {entry: `{"id":"` + u + `","availability":null,"activity":null}`, want: unknown},
		"empty":                    {entry: entry(u, "", ""), want: unknown},
		"missing":                  {entry: "", want: none},
		"two that differ":          {entry: entry(u, "Busy", "InAMeeting") + "," + entry(u, "Away", "Away"), want: none},
		"three, two alike":         {entry: entry(u, "Busy", "InAMeeting") + "," + entry(u, "Away", "Away") + "," + entry(u, "Away", "Away"), want: none},
		"entry is null":            {entry: `null`, want: none},
		"entry is a number":        {entry: `5`, want: none},
		"entry is a list":          {entry: `[{"id":"` + u + `"}]`, want: none},
		"entry is text":            {entry: `"` + u + `"`, want: none},
		"no id":                    {entry: `{"availability":"Busy","activity":"Busy"}`, want: none},
		"id null":                  {entry: `{"id":null,"availability":"Busy","activity":"Busy"}`, want: none},
		"id a number":              {entry: `{"id":7,"availability":"Busy","activity":"Busy"}`, want: none},
		"id twice":                 {entry: `{"id":"` + string(user(9)) + `","id":"` + u + `","availability":"Busy","activity":"Busy"}`, want: none},
		"id twice in other case":   {entry: `{"id":"` + u + `","ID":"` + u + `","availability":"Busy","activity":"Busy"}`, want: none},
		"a user object":            {entry: `{"@odata.type":"#microsoft.graph.user","id":"` + u + `","displayName":"X"}`, want: none},
		"no activity":              {entry: `{"id":"` + u + `","availability":"Busy"}`, want: none},
		"availability a number":    {entry: `{"id":"` + u + `","availability":5,"activity":"Busy"}`, want: none},
		"availability an object":   {entry: `{"id":"` + u + `","availability":{"a":1},"activity":"Busy"}`, want: none},
		"availability a list":      {entry: `{"id":"` + u + `","availability":["Busy"],"activity":"Busy"}`, want: none},
		"availability true":        {entry: `{"id":"` + u + `","availability":true,"activity":"Busy"}`, want: none},
		"activity 1e400":           {entry: `{"id":"` + u + `","availability":"Busy","activity":1e400}`, want: none},
		"availability twice":       {entry: `{"id":"` + u + `","availability":"Busy","availability":"Away","activity":"Busy"}`, want: none},
		"invalid UTF-8":            {entry: `{"id":"` + u + `","availability":"Bu` + "\xff" + `sy","activity":"Busy"}`, want: none},
		"lone surrogate":           {entry: `{"id":"` + u + `","availability":"Bu\ud800sy","activity":"Busy"}`, want: none},
		"almost Offline":           {entry: entry(u, "Off line", "Offline"), want: novel},
		"almost nothing":           {entry: entry(u, " ", "Offline"), want: none},
		"list is null":             {body: `{"value":null}`, want: unreadable},
		"list is text":             {body: `{"value":"x"}`, want: unreadable},
		"list is an object":        {body: `{"value":{"id":"x"}}`, want: unreadable},
		"list comes twice":         {body: `{"value":[` + entry(u, "Busy", "Busy") + `],"value":[]}`, want: unreadable},
		"empty body":               {body: ``, want: unreadable},
		"body null":                {body: `null`, want: unreadable},
		"body a list":              {body: `[]`, want: unreadable},
		"body an empty object":     {body: `{}`, want: unreadable},
		"error with 200":           {body: `{"error":{"code":"UnknownError","message":""}}`, want: unreadable},
		"HTML":                     {body: `<html>` + u + `</html>`, want: unreadable},
		"truncated":                {body: `{"value":[` + entry(u, "Busy", "Busy"), want: unreadable},
		"truncated after the list": {body: `{"value":[` + entry(u, "Busy", "Busy") + `]`, want: unreadable},
		"broken after an entry":    {body: `{"value":[` + entry(u, "Busy", "Busy") + `,{"id":]}`, want: unreadable},
		"trailing garbage":         {body: `{"value":[` + entry(u, "Busy", "Busy") + `]}x`, want: unreadable},
		"two documents":            {body: `{"value":[` + entry(u, "Busy", "Busy") + `]}{"value":[]}`, want: unreadable},
		"NaN":                      {body: `{"value":[{"id":"` + u + `","availability":NaN}]}`, want: unreadable},
		"UTF-16":                   {body: "\xff\xfe{\x00}\x00", want: unreadable},
		"depth 10,001":             {body: `{"x":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `,"value":[]}`, want: unreadable},
		"next link no text":        {body: `{"value":[` + entry(u, "Busy", "Busy") + `],"@odata.nextLink":5}`, want: unreadable},
		"only a user object":       {body: `{"value":[{"id":"` + u + `","displayName":"X"}]}`, want: unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := tc.body
			if tc.want != unreadable {
				parts := []string{entry(string(user(2)), "Away", "Away"), entry(string(user(1)), "Available", "Available")}
				if tc.entry != "" {
					parts = append(parts[:1], tc.entry, parts[1])
				}
				body = `{"@odata.context":"x","value":[` + strings.Join(parts, ",") + `]}`
			}
			r := overLoopback(t, &world{graph: func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, body) }}, setting{})
			answers, err := r.Presences(t.Context(), users(3))
			if tc.want == unreadable {
				blindBy(t, err, presence.CauseUnreachable)
				if len(answers) != 0 || strings.Contains(fmt.Sprint(err), u) {
					t.Errorf("Presences = %v, %v; want nothing of a bad answer", answers, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := map[presence.UserID]string{}
			for _, a := range answers {
				got[a.User] = a.Presence.Availability + "/" + a.Presence.Activity
			}
			want := map[presence.UserID]string{user(1): "Available/Available", user(2): "Away/Away"}
			switch tc.want {
			case known:
				want[user(0)] = "Busy/InAMeeting"
			case novel:
				want[user(0)] = "Off_line/Offline"
			case unknown:
				want[user(0)] = "PresenceUnknown/PresenceUnknown"
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
		})
	}
}

// blindBy wants a *presence.BlindError with the cause.
func blindBy(t *testing.T, err error, cause presence.Cause) *presence.BlindError {
	t.Helper()
	var blind *presence.BlindError
	if !errors.As(err, &blind) || blind.Cause != cause {
		t.Fatalf("error = %v, want one with cause %s", err, cause)
	}
	return blind
}

func TestAnswersAreInOrderAndTimed(t *testing.T) {
	t.Parallel()
	w := &world{graph: func(rw http.ResponseWriter, req *http.Request) {
		ids := askedIDs(req)
		var entries []string
		for i := len(ids) - 1; i >= 0; i-- { // Graph promises no order
			entries = append(entries, fmt.Sprintf(`{"id":%q,"availability":"Busy","activity":"Focusing","sequenceNumber":"A%d"}`, strings.ToUpper(ids[i]), i))
		}
		entries = append(entries, entry(string(user(99)), "Offline", "Offline"), entry("no guid", "Offline", "Offline"), entry(string(user(98)), "Napping", "Napping"))
		fmt.Fprintf(rw, `{"value":[%s]}`, strings.Join(entries, ","))
	}}
	r := overLoopback(t, w, setting{})
	before := time.Now()
	ids := append(users(3), user(1), user(0), "not-a-guid", presence.UserID(strings.ToUpper(string(user(2)))))
	answers, err := r.Presences(t.Context(), ids)
	after := time.Now()
	if err != nil || len(answers) != 3 {
		t.Fatalf("Presences = %v, %v, want 3 answers", answers, err)
	}
	for i, a := range answers {
		if a.User != user(i) || a.Presence.SequenceNumber != fmt.Sprintf("A%d", i) {
			t.Errorf("answer %d = %+v, want user %d", i, a, i)
		}
		if a.Asked.Before(before) || a.At.Before(a.Asked) || after.Before(a.At) {
			t.Errorf("asked %v, answered %v, want both in order within the call", a.Asked, a.At)
		}
	}
	if diff := cmp.Diff(graphclient.Outcome{Unasked: 3, NewWords: 1}, r.seen.sum); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

func TestNewWordsPassThrough(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Nap", 400_000)
	w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(rw, `{"value":[%s,%s]}`, entry(string(user(0)), "In the woods.>*", "InACall + OOF"), entry(string(user(1)), long, "Away"))
	}}
	r := overLoopback(t, w, setting{})
	answers, err := r.Presences(t.Context(), users(2))
	if err != nil || len(answers) != 2 {
		t.Fatalf("Presences = %v, %v", answers, err)
	}
	if p := answers[0].Presence; p.Availability != "In_the_woods___" || p.Activity != "InACall___OOF" {
		t.Errorf("presence = %+v, want the cleaned words", p)
	}
	if got := answers[1].Presence.Availability; got != long[:64] {
		t.Errorf("availability has %d bytes, want it cut at 64", len(got))
	}
	if r.seen.sum.NewWords != 3 {
		t.Errorf("observed %+v, want 3 new words", r.seen.sum)
	}
}
