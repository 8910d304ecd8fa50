package presence_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"presenced/presence"
)

var update = flag.Bool("update", false, "write the golden files anew")

// story is one user's life: an event of every kind.
func story() []*presence.Event {
	rule := presence.Rule{Tenant: "contoso", GapAfter: 30 * time.Second}
	var events []*presence.Event
	var last presence.State
	see := func(d time.Duration, p presence.Presence) {
		e, next := rule.Diff(last, answer(d, p))
		if e != nil {
			events = append(events, e)
		}
		last = next
	}
	see(0, is("Available"))
	see(15*time.Second, is("Available"))
	see(30*time.Second, is("Busy", "InACall", "A0129311063"))
	see(45*time.Second, withMessage(is("Busy", "InACall", "A0129311063"), "lunch?"))
	text := "in the workshop"
	everything := presence.Presence{
		Availability: "DoNotDisturb", Activity: "Presenting", StatusMessage: &text,
		OutOfOffice: &presence.OutOfOffice{Active: true, Message: "back on Monday"}, WorkLocation: &presence.WorkLocation{Type: "office", Source: "manual"},
	}
	see(5*time.Minute, everything)
	e, next := rule.Leave(anna, last, at(10*time.Minute))
	events, last = append(events, e), next
	rule.Floor = 17
	last = presence.State{}
	see(time.Hour, is("Offline", "OffWork"))
	return events
}

func TestEventsOnTheWire(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	for _, e := range story() {
		data, err := json.MarshalIndent(e, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%s\n%s\n\n", e.Subject("presence"), data)
	}
	path := filepath.Join("testdata", "story.txt")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestParseEventReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	for _, e := range story() {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := presence.ParseEvent(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*e, got); diff != "" {
			t.Errorf("event %s (-written +read):\n%s", e.ID(), diff)
		}
		if s, ok := read(e.Subject("presence")); !ok || s.Tenant != e.Tenant || s.User != e.User || s.Kind != e.Kind {
			t.Errorf("subject of %s reads %+v", e.ID(), s)
		}
	}
}

func TestParseEventRefusesForeignMessages(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(story()[1])
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for name, payload := range map[string]string{
		"nothing":             "",
		"no JSON":             "hello",
		"another object":      `{"a":1}`,
		"another type":        strings.Replace(good, "presenced.presence.change.v1", "com.example.change.v1", 1),
		"a later version":     strings.Replace(good, "change.v1", "change.v2", 1),
		"another id":          strings.Replace(good, `"id":"contoso/`, `"id":"fabrikam/`, 1),
		"revision of another": strings.Replace(good, `"revision":2`, `"revision":3`, 1),
		"revision 0":          strings.NewReplacer(`"revision":2`, `"revision":0`, `80/2"`, `80/0"`).Replace(good),
		"user in upper case":  strings.ReplaceAll(good, string(anna), strings.ToUpper(string(anna))),
		"user that is none":   strings.ReplaceAll(good, string(anna), "anna"),
		"tenant with a dot":   strings.ReplaceAll(good, "contoso", "con.toso"),
		"word with a dot":     strings.Replace(good, `"availability":"Busy"`, `"availability":"Bu.sy"`, 1),
		"no after":            strings.Replace(good, `"after"`, `"later"`, 1),
		"no before":           strings.Replace(good, `"before"`, `"earlier"`, 1),
		"no time":             strings.Replace(good, `"at"`, `"on"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if payload == good {
				t.Fatal("the case changes nothing")
			}
			if e, err := presence.ParseEvent([]byte(payload)); err == nil {
				t.Errorf("read %+v", e)
			}
		})
	}
	if _, err := presence.ParseEvent([]byte(strings.Replace(good, `"gap"`, `"novelty":1,"gap"`, 1))); err != nil {
		t.Errorf("a key that a newer version added: %v", err)
	}
}

func TestSourceEventOnTheWire(t *testing.T) {
	t.Parallel()
	e := presence.SourceEvent{Tenant: "contoso", Before: presence.SourceUp, After: presence.SourceDown, Cause: presence.CauseForbidden, LastGood: nine, At: at(time.Minute), Epoch: 3, N: 1}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"specversion":"1.0","type":"presenced.presence.source.v1","source":"/tenants/contoso","id":"contoso/source/3-1","time":"2026-11-23T09:01:00Z","datacontenttype":"application/json",` +
		`"data":{"tenant":"contoso","before":"up","after":"down","cause":"forbidden","lastGood":"2026-11-23T09:00:00Z","at":"2026-11-23T09:01:00Z"}}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("source event (-want +got):\n%s", diff)
	}
	if got := e.Subject("presence"); got != "presence.contoso.source.down" {
		t.Errorf("subject = %s", got)
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, e := range story() {
		data, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"specversion":"1.0","data":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := presence.ParseEvent(payload)
		if err != nil {
			return
		}
		// What is accepted can be somebody's state: it must survive the way out and back.
		if _, ok := read(e.Subject("presence")); !ok {
			t.Errorf("accepted an event whose subject is %q", e.Subject("presence"))
		}
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		again, err := presence.ParseEvent(data)
		if err != nil {
			t.Fatalf("read %s, wrote it, and read %v", e.ID(), err)
		}
		if diff := cmp.Diff(e, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("event (-read +written and read):\n%s", diff)
		}
	})
}

func BenchmarkMarshalEvent(b *testing.B) {
	e := story()[1]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(e); err != nil {
			b.Fatal(err)
		}
	}
}
