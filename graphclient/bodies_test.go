package graphclient_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"presenced/graphclient"
	"presenced/presence"
)

func TestFields(t *testing.T) {
	t.Parallel()
	full := `{"id":"` + string(user(0)) + `","availability":"Busy","activity":"Busy",` +
		`"statusMessage":{"message":{"content":"at the d\u00f6ntist","contentType":"text"},"expiryDateTime":{"dateTime":"2026-11-23T10:00:00.0000000","timeZone":"UTC"}},` +
		`"outOfOfficeSettings":{"isOutOfOffice":true,"message":"back on Monday"},` +
		`"workLocation":{"workLocationType":"office","source":"manual","placeId":"p1"}}`
	nulls := `{"id":"` + string(user(0)) + `","availability":"Busy","activity":"Busy","statusMessage":null,"outOfOfficeSettings":{"isOutOfOffice":null,"message":null},"workLocation":null}`
	wrong := `{"id":"` + string(user(0)) + `","availability":"Busy","activity":"Busy","statusMessage":"x","outOfOfficeSettings":[],"workLocation":5}`
	all := graphclient.Fields{StatusMessage: true, OutOfOffice: true, WorkLocation: true}
	busy := func(p presence.Presence) presence.Presence {
		p.Availability, p.Activity = "Busy", "Busy"
		return p
	}
	for name, tc := range map[string]struct {
		fields graphclient.Fields
		body   string
		want   presence.Presence
	}{
		"none": {graphclient.Fields{}, full, busy(presence.Presence{})},
		"all": {all, full, busy(presence.Presence{
			StatusMessage: new("at the döntist"),
			OutOfOffice:   &presence.OutOfOffice{Active: true, Message: "back on Monday"},
			WorkLocation:  &presence.WorkLocation{Type: "office", Source: "manual", PlaceID: "p1"},
		})},
		"one": {graphclient.Fields{StatusMessage: true}, full, busy(presence.Presence{StatusMessage: new("at the döntist")})},
		"null is news: none is set": {all, nulls, busy(presence.Presence{
			StatusMessage: new(""), OutOfOffice: &presence.OutOfOffice{}, WorkLocation: &presence.WorkLocation{},
		})},
		"absent is no news":     {all, entry(string(user(0)), "Busy", "Busy"), busy(presence.Presence{})},
		"wrong type is no news": {all, wrong, busy(presence.Presence{})},
		"too long": {all, strings.Replace(full, "at the", strings.Repeat("ü", 5000), 1), busy(presence.Presence{
			StatusMessage: new(strings.Repeat("ü", 2048)),
			OutOfOffice:   &presence.OutOfOffice{Active: true, Message: "back on Monday"},
			WorkLocation:  &presence.WorkLocation{Type: "office", Source: "manual", PlaceID: "p1"},
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := entry(string(user(1)), "Away", "Away") // must not inherit from the entry before
			w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintf(rw, `{"value":[%s,%s]}`, tc.body, other) }}
			r := overLoopback(t, w, setting{fields: tc.fields})
			answers, err := r.Presences(t.Context(), users(2))
			if err != nil || len(answers) != 2 {
				t.Fatalf("Presences = %v, %v", answers, err)
			}
			if diff := cmp.Diff(tc.want, answers[0].Presence); diff != "" {
				t.Errorf("presence (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(presence.Presence{Availability: "Away", Activity: "Away"}, answers[1].Presence); diff != "" {
				t.Errorf("next presence (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	bomb := func() []byte { // 32 MiB of blanks in some 32 KiB
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(`{"value":[]`))
		for range 32 {
			_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
		}
		_, _ = z.Write([]byte(`}`))
		_ = z.Close()
		return b.Bytes()
	}()
	for name, tc := range map[string]struct {
		graph http.HandlerFunc
		want  string
		tries int64
	}{
		"100 MB": {func(rw http.ResponseWriter, _ *http.Request) {
			block := bytes.Repeat([]byte(" "), 1<<20)
			for range 100 {
				if _, err := rw.Write(block); err != nil {
					return
				}
			}
		}, "larger than 4 MiB", 1},
		"gzip bomb": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Encoding", "gzip")
			_, _ = rw.Write(bomb)
		}, "larger than 4 MiB", 1},
		"gzip that is none": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Encoding", "gzip")
			_, _ = rw.Write([]byte(`{"value":[]}`))
		}, "broke off: not gzip", 3},
		"shorter than it says": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			_, _ = rw.Write([]byte(`{"value":[]}`))
		}, "broke off: the connection was closed", 3},
		"interim answers without end": {func(rw http.ResponseWriter, req *http.Request) {
			rw.Header().Set("Link", strings.Repeat("x", 4<<10))
			for req.Context().Err() == nil {
				rw.WriteHeader(http.StatusEarlyHints)
			}
		}, "no answer", 3},
		"a million headers": {func(rw http.ResponseWriter, _ *http.Request) {
			for i := range 20_000 {
				rw.Header().Set(fmt.Sprintf("X-%d", i), "1")
			}
		}, "no answer", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := overLoopback(t, &world{graph: tc.graph}, setting{})
			answers, err := r.Presences(t.Context(), users(1))
			blindBy(t, err, presence.CauseUnreachable)
			if len(answers) != 0 || !strings.Contains(err.Error(), tc.want) || r.requests.Load() != tc.tries {
				t.Errorf("Presences = %v, %v after %d requests, want %q after %d", answers, err, r.requests.Load(), tc.want, tc.tries)
			}
		})
	}
}

// Reading stops at the bound: the rest of a huge answer is never taken in.
func TestHugeAnswerIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	sent := make(chan int, 1)
	w := &world{graph: func(rw http.ResponseWriter, _ *http.Request) {
		block, n := bytes.Repeat([]byte(" "), 1<<20), 0
		for ; n < 200; n++ {
			if _, err := rw.Write(block); err != nil {
				break
			}
		}
		sent <- n
	}}
	r := overLoopback(t, w, setting{})
	_, err := r.Presences(t.Context(), users(1))
	blindBy(t, err, presence.CauseUnreachable)
	if n := <-sent; n > 60 { // 4 MiB, and what the sockets' buffers took
		t.Errorf("%d MiB were taken in", n)
	}
}

func TestGzipIsUnderstood(t *testing.T) {
	t.Parallel()
	w := &world{graph: func(rw http.ResponseWriter, req *http.Request) {
		if !strings.Contains(req.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("gzip is not accepted")
		}
		rw.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(rw)
		defer z.Close()
		fmt.Fprintf(z, `{"value":[%s]}`, entry(string(user(0)), "Busy", "Busy"))
	}}
	r := overLoopback(t, w, setting{})
	if answers, err := r.Presences(t.Context(), users(1)); err != nil || len(answers) != 1 {
		t.Errorf("Presences = %v, %v, want one answer", answers, err)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	page := func(n int, next string) string {
		return fmt.Sprintf(`{"value":[%s],"@odata.nextLink":%q}`, entry(string(user(n)), "Busy", "Busy"), next)
	}
	for name, tc := range map[string]struct {
		next    func(base string, n int) string
		answers int
		want    string
	}{
		"three pages": {func(base string, n int) string {
			if n == 3 {
				return ""
			}
			return fmt.Sprintf("%s/v1.0/communications/getPresencesByUserId?$skiptoken=%d", base, n)
		}, 3, ""},
		"same link again": {func(base string, _ int) string { return base + "/v1.0/communications/x" }, 2, "again and again"},
		"endless": {func(base string, n int) string {
			return fmt.Sprintf("%s/v1.0/communications/x?n=%d", base, n)
		}, 10, "more than 10 pages"},
		"other host": {func(string, int) string { return "http://evil.example/v1.0/communications/x" }, 1, `"evil.example"`},
		"other port": {func(string, int) string { return "http://127.0.0.1:1/v1.0/communications/x" }, 1, "not to the configured"},
		"other scheme": {func(base string, _ int) string {
			return strings.Replace(base, "http:", "https:", 1) + "/v1.0/communications/x"
		}, 1, "not to the configured"},
		"other path": {func(base string, _ int) string { return base + "/v1.0/users" }, 1, "another collection"},
		"relative":   {func(string, int) string { return "/v1.0/communications/x" }, 1, "not to the configured"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *rig
			w := &world{}
			w.graph = func(rw http.ResponseWriter, req *http.Request) {
				n := int(w.requests.Load())
				if n > 1 && (req.Method != http.MethodGet || req.Header.Get("Authorization") == "") {
					t.Errorf("page %d: %s with Authorization %q", n, req.Method, req.Header.Get("Authorization"))
				}
				fmt.Fprint(rw, page(n-1, tc.next(r.cloud.GraphURL, n)))
			}
			r = overLoopback(t, w, setting{})
			answers, err := r.Presences(context.Background(), users(20))
			if len(answers) != tc.answers || (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Presences = %d answers, %v, want %d, %q", len(answers), err, tc.answers, tc.want)
			}
		})
	}
}
