package docs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"presenced/presence"
)

// document is asyncapi.yaml as far as it is held to the code.
type document struct {
	AsyncAPI   string             `yaml:"asyncapi"`
	Channels   map[string]channel `yaml:"channels"`
	Operations map[string]struct {
		Channel reference `yaml:"channel"`
	} `yaml:"operations"`
	Components struct {
		Messages map[string]struct {
			Name        string `yaml:"name"`
			ContentType string `yaml:"contentType"`
			Payload     struct {
				Schema reference `yaml:"schema"`
			} `yaml:"payload"`
		} `yaml:"messages"`
	} `yaml:"components"`
	Streams map[string]map[string]any `yaml:"x-jetstream"`
}

type channel struct {
	Address    string               `yaml:"address"`
	Parameters map[string]any       `yaml:"parameters"`
	Messages   map[string]reference `yaml:"messages"`
	Stream     string               `yaml:"x-jetstream-stream"`
}

type reference struct {
	Ref string `yaml:"$ref"`
}

func readDocument(tb testing.TB) document {
	tb.Helper()
	var d document
	if err := yaml.Load([]byte(read(tb, "asyncapi.yaml")), &d); err != nil {
		tb.Fatal(err)
	}
	return d
}

var parameter = regexp.MustCompile(`\{(\w+)\}`)

// fill puts values in the place of an address's parameters.
func (c channel) fill(values map[string]string) string {
	return parameter.ReplaceAllStringFunc(c.Address, func(p string) string { return values[strings.Trim(p, "{}")] })
}

func TestAddressesAreSubjects(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	values := map[string]string{"tenant": tenant, "user": string(anna), "availability": "Busy", "activity": "InACall", "state": "down"}
	now := presence.Presence{Availability: "Busy", Activity: "InACall"}
	want := map[string]string{
		"source": presence.SourceEvent{Tenant: tenant, After: presence.SourceDown}.Subject("presence"),
		"table":  "$KV.presence." + tenant + "." + string(anna),
	}
	for _, kind := range []presence.Kind{presence.KindChange, presence.KindSnapshot, presence.KindLeft} {
		want[string(kind)] = presence.Event{Kind: kind, Tenant: tenant, User: anna, After: &now}.Subject("presence")
	}
	got := map[string]string{}
	for name, c := range d.Channels {
		got[name] = c.fill(values)
		var inAddress []string
		for _, m := range parameter.FindAllStringSubmatch(c.Address, -1) {
			inAddress = append(inAddress, m[1])
		}
		slices.Sort(inAddress)
		if diff := cmp.Diff(inAddress, slices.Sorted(maps.Keys(c.Parameters))); diff != "" {
			t.Errorf("parameters of %s (-address +described):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-code +asyncapi.yaml):\n%s", diff)
	}
}

// Every message of the story stands on a channel that announces its type.
func TestMessagesAreAnnounced(t *testing.T) {
	t.Parallel()
	d, s := readDocument(t), tell(t)
	for stream, messages := range map[string][]stored{"PRESENCE": s.log, "KV_presence": s.table} {
		for _, m := range messages {
			if !d.announces(stream, m.subject, decode(t, m.payload)["type"].(string)) {
				t.Errorf("no channel of %s announces %s on %s", stream, decode(t, m.payload)["type"], m.subject)
			}
		}
	}
}

func (d document) announces(stream, subject, kind string) bool {
	for _, c := range d.Channels {
		if c.Stream != stream || !matches(parameter.ReplaceAllString(c.Address, "*"), subject) {
			continue
		}
		for _, message := range c.Messages {
			name := message.Ref[strings.LastIndex(message.Ref, "/")+1:]
			if d.Components.Messages[name].Name == kind && d.Components.Messages[name].ContentType == presence.ContentType {
				return true
			}
		}
	}
	return false
}

func TestReferencesLeadSomewhere(t *testing.T) {
	t.Parallel()
	var whole map[string]any
	if err := yaml.Load([]byte(read(t, "asyncapi.yaml")), &whole); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, ref := range references(whole) {
		found++
		if path, ok := strings.CutPrefix(ref, "#/"); ok {
			if lookUp(whole, strings.Split(path, "/")) == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		} else if _, err := os.Stat(ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if found < 25 {
		t.Errorf("only %d references", found)
	}
	d := readDocument(t)
	for name, m := range d.Components.Messages {
		if want := "./schemas/" + name + ".v1.json"; m.Payload.Schema.Ref != want || m.Name != "presenced.presence."+name+".v1" {
			t.Errorf("message %s is named %s and has the schema %s", name, m.Name, m.Payload.Schema.Ref)
		}
	}
	if len(d.Operations) != len(d.Channels) {
		t.Errorf("%d operations on %d channels", len(d.Operations), len(d.Channels))
	}
}

// references are the values of all keys $ref.
func references(node any) []string {
	var all []string
	switch v := node.(type) {
	case map[string]any:
		for key, part := range v {
			if ref, ok := part.(string); ok && key == "$ref" {
				all = append(all, ref)
			}
			all = append(all, references(part)...)
		}
	case []any:
		for _, part := range v {
			all = append(all, references(part)...)
		}
	}
	return all
}

func lookUp(node any, path []string) any {
	for _, key := range path {
		v, ok := node.(map[string]any)
		if !ok {
			return nil
		}
		node = v[key]
	}
	return node
}

// The settings that are written down are those that presenced makes streams with.
func TestStreamSettingsAreReal(t *testing.T) {
	t.Parallel()
	d, s := readDocument(t), tell(t)
	if len(d.Streams) != len(s.streams) {
		t.Errorf("%d streams are described, there are %d", len(d.Streams), len(s.streams))
	}
	for name, told := range d.Streams {
		encoded, err := json.Marshal(s.streams[name])
		if err != nil {
			t.Fatal(err)
		}
		real := decode(t, encoded)
		for key, value := range told {
			if diff := covered(real[key], value); diff != "" {
				t.Errorf("stream %s: %s %s", name, key, diff)
			}
		}
	}
}

// covered is empty if real is what is told, or holds it. A flag that is off is not
// sent by the server.
func covered(real, told any) string {
	switch v := told.(type) {
	case map[string]any:
		inner, _ := real.(map[string]any)
		for key, value := range v {
			if diff := covered(inner[key], value); diff != "" {
				return key + ": " + diff
			}
		}
		return ""
	case []any:
		list, _ := real.([]any)
		if len(list) != len(v) {
			return fmt.Sprintf("has %d entries, told are %d", len(list), len(v))
		}
		for i := range v {
			if diff := covered(list[i], v[i]); diff != "" {
				return diff
			}
		}
		return ""
	}
	number := func(n any) string { // YAML has integers, JSON has floats
		if f, ok := n.(float64); ok {
			return fmt.Sprintf("%.0f", f)
		}
		return fmt.Sprint(n)
	}
	if real == nil && told == false || number(real) == number(told) {
		return ""
	}
	return fmt.Sprintf("is %v, told is %v", real, told)
}
