package graphsim_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden keeps the answers on the wire as they are, so that a change of any byte is seen.
func TestGolden(t *testing.T) {
	t.Parallel()
	clock := newClock()
	sim := newSim(t, graphsim.Config{Seed: 1, Users: 12, Frozen: true, Limit: 6, Now: clock.Now, Modes: graphsim.Modes{KeepOrder: true}})
	r := &rig{t: t, sim: sim, client: handlerClient(sim)}
	app, ids := sim.Tenants()[0], sim.UserIDs()
	if err := sim.SetPresence(ids[1], "DoNotDisturb", "Presenting"); err != nil {
		t.Fatal(err)
	}
	wrong := secretForm(app)
	wrong.Set("client_secret", "wrong")
	for _, test := range []struct {
		name string
		send func() answer
	}{
		{"bulk", func() answer { return r.bulk(ids[0], ids[1], ids[2], ids[3], nobody) }},
		{"single", func() answer { return r.get("/v1.0/users/" + ids[1] + "/presence") }},
		{"communications", func() answer { return r.get("/v1.0/communications/presences/" + ids[1]) }},
		{"me", func() answer { return r.get("/v1.0/me/presence") }},
		{"too_many_ids", func() answer { return r.bulk(make([]string, 651)...) }},
		{"unauthorized", func() answer { return r.do(r.request(http.MethodPost, bulkPath, idsBody(ids[0]))) }},
		{"user", func() answer { return r.get("/v1.0/users/" + ids[1]) }},
		{"group", func() answer {
			return r.get("/v1.0/groups/"+sim.GroupID(app.ID, graphsim.Everyone)+"/transitiveMembers/microsoft.graph.user?$count=true&$select=id&$top=2",
				"ConsistencyLevel", "eventual")
		}},
		{"not_found", func() answer { return r.get("/v1.0/users/" + nobody) }},
		{"token_refused", func() answer { return r.form(app.ID, "token", wrong) }},
		{"throttled", func() answer { r.bulk(ids[0]); clock.advance(time.Second); return r.bulk(ids[0]) }},
	} {
		compare(t, filepath.Join("testdata", test.name+".http"), dump(test.send()))
	}
}

// dump writes an answer down, without what differs from run to run.
func dump(a answer) []byte {
	requestID := a.Header.Get("request-id") + a.Header.Get("x-ms-request-id")
	var b bytes.Buffer
	b.WriteString(a.Status + "\n")
	_ = a.Header.Write(&b)
	b.WriteString("\n")
	if json.Indent(&b, a.body, "", "  ") != nil {
		b.Write(a.body)
	}
	text := strings.ReplaceAll(b.String(), "\r\n", "\n")
	text = strings.ReplaceAll(text, requestID, "REQUEST-ID")
	return []byte(regexp.MustCompile(`"trace_id": "[^"]*"`).ReplaceAllString(text, `"trace_id": "TRACE-ID"`))
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (run with -update after a wanted change):\n%s", file, got)
	}
}
