package docs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are the compiled schemas by event type. Closed, they refuse keys that
// they do not describe. The files are open, because that is what a consumer needs;
// presenced itself must not write a key that is nowhere described.
func schemas(tb testing.TB, closed bool) map[string]*jsonschema.Schema {
	tb.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for name, doc := range schemaFiles(tb) {
		if closed {
			closeObjects(doc)
		}
		if err := compiler.AddResource("mem:///"+name, doc); err != nil {
			tb.Fatal(err)
		}
	}
	byType := map[string]*jsonschema.Schema{}
	for _, kind := range []string{"change", "snapshot", "left", "source"} {
		s, err := compiler.Compile("mem:///" + kind + ".v1.json")
		if err != nil {
			tb.Fatal(err)
		}
		byType["presenced.presence."+kind+".v1"] = s
	}
	return byType
}

// schemaFiles are the documents in schemas, by file name.
func schemaFiles(tb testing.TB) map[string]any {
	tb.Helper()
	paths, err := filepath.Glob("schemas/*.json")
	if err != nil {
		tb.Fatal(err)
	}
	docs := map[string]any{}
	for _, path := range paths {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(read(tb, path)))
		if err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		docs[filepath.Base(path)] = doc
	}
	return docs
}

func closeObjects(doc any) {
	switch v := doc.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok {
			v["additionalProperties"] = false
		}
		for _, part := range v {
			closeObjects(part)
		}
	case []any:
		for _, part := range v {
			closeObjects(part)
		}
	}
}

// check validates a payload against the schema of its own type.
func check(byType map[string]*jsonschema.Schema, payload []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
	if err != nil {
		return err
	}
	name, _ := v.(map[string]any)["type"].(string)
	if byType[name] == nil {
		return fmt.Errorf("no schema of type %q", name)
	}
	return byType[name].Validate(v)
}

func TestSchemasSayWhoTheyAre(t *testing.T) {
	t.Parallel()
	for name, doc := range schemaFiles(t) {
		v := doc.(map[string]any)
		if v["$id"] != name || v["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
			t.Errorf("%s: $id is %v, $schema is %v", name, v["$id"], v["$schema"])
		}
	}
}

func TestEventsFitTheirSchemas(t *testing.T) {
	t.Parallel()
	s := tell(t)
	closed := schemas(t, true)
	kinds := map[any]int{}
	for _, m := range slices.Concat(s.log, s.table) {
		if err := check(closed, m.payload); err != nil {
			t.Errorf("%s: %v", m.payload, err)
		}
		kinds[decode(t, m.payload)["type"]]++
	}
	if len(kinds) != len(closed) {
		t.Errorf("the story has types %v, want all %d", kinds, len(closed))
	}
}

// optional are the keys that an event may lack.
var optional = regexp.MustCompile(`\.(sequenceNumber|statusMessage|outOfOffice|outOfOffice\.message|workLocation|workLocation\.(source|placeId))$` +
	`|^snapshot:data\.before$|^source:data\.(before|cause|lastGood)$`)

// Every value of every example is taken away, or replaced by one of another type,
// and every object gets a key too many.
func TestSchemasRefuseMutations(t *testing.T) {
	t.Parallel()
	open, closed := schemas(t, false), schemas(t, true)
	tried := 0
	for _, m := range tell(t).log {
		if m.name == "" {
			continue
		}
		kind := strings.Split(decode(t, m.payload)["type"].(string), ".")[2]
		for _, path := range paths(decode(t, m.payload), "") {
			tried++
			missing := mutate(t, m.payload, path, func(o map[string]any, key string) { delete(o, key) })
			if err := check(closed, missing); (err == nil) != optional.MatchString(kind+":"+path) {
				t.Errorf("%s without %s: %v", m.name, path, err)
			}
			wrong := mutate(t, m.payload, path, func(o map[string]any, key string) { o[key] = otherType(o[key]) })
			if check(open, wrong) == nil {
				t.Errorf("%s with %s of another type was accepted", m.name, path)
			}
			more := mutate(t, m.payload, path, func(o map[string]any, _ string) { o["fresh"] = "key" })
			if err := check(open, more); err != nil {
				t.Errorf("%s with one key more beside %s: %v", m.name, path, err)
			}
			if check(closed, more) == nil {
				t.Errorf("%s with one key more beside %s was accepted as our own", m.name, path)
			}
		}
	}
	if tried < 80 {
		t.Errorf("only %d values were tried", tried)
	}
}

func TestSchemasRefuseValues(t *testing.T) {
	t.Parallel()
	open := schemas(t, false)
	events := map[string][]byte{}
	for _, m := range tell(t).log {
		events[m.name] = m.payload
	}
	for name, tc := range map[string]struct {
		example, path string
		value         any
	}{
		"revision 0":            {"change", "data.revision", 0},
		"half a revision":       {"change", "data.revision", 1.5},
		"user in capitals":      {"change", "data.user", strings.ToUpper(string(anna))},
		"user is no GUID":       {"left", "data.user", "anna@contoso.com"},
		"subject is no GUID":    {"left", "subject", "anna"},
		"word with a dot":       {"change", "data.after.availability", "In.a.call"},
		"empty word":            {"snapshot", "data.after.activity", ""},
		"long word":             {"snapshot", "data.after.activity", strings.Repeat("a", 65)},
		"local time":            {"change", "time", "2026-11-23T10:00:00+01:00"},
		"nanoseconds":           {"change", "data.observed.at", "2026-11-23T10:00:00.123456789Z"},
		"no such day":           {"change", "data.before.since", "2026-02-30T10:00:00Z"},
		"nothing changed":       {"change", "data.changed", []any{}},
		"changed twice":         {"change", "data.changed", []any{"activity", "activity"}},
		"reason of another":     {"change", "data.reason", "snapshot"},
		"unknown reason":        {"snapshot", "data.reason", "change"},
		"source is no state":    {"source", "data.after", "sideways"},
		"no cause is no string": {"source", "data.cause", ""},
		"type of another":       {"change", "type", "presenced.presence.left.v1"},
		"old specversion":       {"change", "specversion", "0.3"},
		"tenant with a dot":     {"change", "data.tenant", "contoso.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := mutate(t, events[tc.example], tc.path, func(o map[string]any, key string) { o[key] = tc.value })
			if check(open, bad) == nil {
				t.Errorf("%s = %v was accepted", tc.path, tc.value)
			}
		})
	}
}

// paths are all keys of an object and of the objects in it, dotted.
func paths(o map[string]any, prefix string) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(o)) {
		all = append(all, prefix+key)
		if inner, ok := o[key].(map[string]any); ok {
			all = append(all, paths(inner, prefix+key+".")...)
		}
	}
	return all
}

// mutate changes the object that holds the last key of the path.
func mutate(tb testing.TB, payload []byte, path string, change func(o map[string]any, key string)) []byte {
	tb.Helper()
	whole := decode(tb, payload)
	keys := strings.Split(path, ".")
	holder := whole
	for _, key := range keys[:len(keys)-1] {
		holder = holder[key].(map[string]any)
	}
	change(holder, keys[len(keys)-1])
	mutated, err := json.Marshal(whole)
	if err != nil {
		tb.Fatal(err)
	}
	return mutated
}

func otherType(v any) any {
	if _, ok := v.(string); ok {
		return 7
	}
	return "7"
}
