package docs_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/presence"
	"presenced/publisher"
)

// example is a block of JSON in events.md with the name of the event in the story.
var example = regexp.MustCompile("(?s)<!-- golden: (\\S+) -->\n```json\n(.*?)```")

func TestExamplesAreReal(t *testing.T) {
	page := read(t, "events.md")
	want := map[string]string{}
	for _, m := range tell(t).log {
		if m.name == "" {
			continue
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, m.payload, "", "  "); err != nil {
			t.Fatal(err)
		}
		want[m.name] = pretty.String() + "\n"
	}
	if *update {
		page = example.ReplaceAllStringFunc(page, func(block string) string {
			name := example.FindStringSubmatch(block)[1]
			return "<!-- golden: " + name + " -->\n```json\n" + want[name] + "```"
		})
		if err := os.WriteFile("events.md", []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for _, m := range example.FindAllStringSubmatch(page, -1) {
		got[m[1]] = m[2]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("examples (-code +events.md), -update rewrites them:\n%s", diff)
	}
	if n := strings.Count(page, "```json"); n != len(got) {
		t.Errorf("events.md has %d blocks of JSON, %d of them are held to the code", n, len(got))
	}
}

// TestExamplesRead proves that what is shown is what presenced itself reads.
func TestExamplesRead(t *testing.T) {
	t.Parallel()
	for _, m := range tell(t).log {
		if m.name == "" || m.name == "source" {
			continue
		}
		e, err := presence.ParseEvent(m.payload)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if got := e.Subject("presence"); got != m.subject {
			t.Errorf("%s: subject is %s, want %s", m.name, m.subject, got)
		}
	}
}

func TestFieldsAreThoseOfTheSchemas(t *testing.T) {
	t.Parallel()
	files := schemaFiles(t)
	described := map[string]bool{}
	for _, kind := range []string{"change", "snapshot", "left", "source"} {
		for _, path := range properties(files, files[kind+".v1.json"], "") {
			for _, holder := range []string{"data.before.", "data.after."} {
				path = strings.TrimPrefix(path, holder)
			}
			described[path] = true
		}
	}
	shown := firstColumn(section(t, read(t, "events.md"), "Fields"))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(described)), shown); diff != "" {
		t.Errorf("fields (-schemas +events.md):\n%s", diff)
	}
}

// properties are the dotted paths of all properties of a schema.
func properties(files map[string]any, schema any, prefix string) []string {
	v := schema.(map[string]any)
	if ref, ok := v["$ref"].(string); ok {
		file, name, ok := strings.Cut(ref, "#/$defs/")
		if file == "" || !ok {
			file = "presence.v1.json" // the parts refer to each other
		}
		return properties(files, files[file].(map[string]any)["$defs"].(map[string]any)[name], prefix)
	}
	var all []string
	inner, _ := v["properties"].(map[string]any)
	for name, part := range inner {
		all = append(all, prefix+name)
		all = append(all, properties(files, part, prefix+name+".")...)
	}
	return all
}

func TestHeadersAreThoseStored(t *testing.T) {
	t.Parallel()
	s := tell(t)
	real := map[string]string{}
	note := func(messages []stored, where string) {
		names := map[string]bool{}
		for _, m := range messages {
			for name := range m.header {
				names[name] = true
			}
		}
		for name := range names {
			real[name] = strings.TrimPrefix(real[name]+", "+where, ", ")
		}
	}
	note(s.log, "log")
	note(s.table, "table")
	shown := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(section(t, read(t, "events.md"), "Headers"), -1) {
		shown[m[1]] = strings.TrimSpace(strings.Split(m[2], "|")[0])
	}
	if diff := cmp.Diff(real, shown); diff != "" {
		t.Errorf("headers (-stored +events.md):\n%s", diff)
	}
}

// Every example keeps the rules of the CloudEvents specification.
//
// Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
func TestExamplesAreCloudEvents(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z0-9]{1,20}$`)
	ids := map[any]bool{}
	for _, m := range tell(t).log {
		e := decode(t, m.payload)
		for _, required := range []string{"id", "source", "specversion", "type"} {
			if text, _ := e[required].(string); text == "" {
				t.Errorf("%s: %s is missing", m.subject, required)
			}
		}
		for attribute := range e {
			if !name.MatchString(attribute) {
				t.Errorf("%s: attribute %q", m.subject, attribute)
			}
		}
		if _, err := time.Parse(time.RFC3339, e["time"].(string)); err != nil {
			t.Errorf("%s: %v", m.subject, err)
		}
		if ids[e["id"]] {
			t.Errorf("%s: id %v came twice", m.subject, e["id"])
		}
		ids[e["id"]] = true
		if got := m.header.Get("Content-Type"); got != presence.ContentType {
			t.Errorf("%s: Content-Type is %q", m.subject, got)
		}
	}
}

func TestBucketIsNamed(t *testing.T) {
	t.Parallel()
	cfg := publisher.Config{Prefix: "acme.presence"}
	if got := cfg.Bucket(); got != "acme-presence" {
		t.Errorf("bucket is %s: events.md says that - stands for .", got)
	}
}
