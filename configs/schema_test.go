package configs_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"presenced/configs"
)

type node = map[string]any

func readSchema(t *testing.T) node {
	t.Helper()
	var root node
	if err := json.Unmarshal([]byte(configs.Schema()), &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestSchemaHasTheKeysAndDefaultsOfTheStruct: a key in one and not in the other is an error, as is another default.
func TestSchemaHasTheKeysAndDefaultsOfTheStruct(t *testing.T) {
	t.Parallel()
	fromStruct, fromSchema := map[string]any{}, map[string]any{}
	cfg := configs.Default()
	cfg.Tenants = []configs.Tenant{configs.DefaultTenant()}
	structKeys(reflect.ValueOf(cfg), "", fromStruct)
	schemaKeys(readSchema(t), "", fromSchema)
	for _, key := range []string{"tenants[].name", "tenants[].tenant_id", "tenants[].client_id", "embedded.max_store", "tenants[].cloud.graph_url", "tenants[].cloud.login_url"} {
		if fromSchema[key] != nil {
			t.Errorf("%s has the default %v, want none", key, fromSchema[key])
		}
		fromStruct[key] = nil
	}
	if diff := cmp.Diff(fromStruct, fromSchema); diff != "" {
		t.Errorf("(-struct +schema):\n%s", diff)
	}
}

func structKeys(v reflect.Value, prefix string, into map[string]any) {
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag.Get("yaml")
		if tag == "-" || tag == "" {
			continue
		}
		key := strings.TrimPrefix(prefix+"."+tag, ".")
		switch x := field.Interface().(type) {
		case time.Duration:
			into[key] = strings.TrimSuffix(strings.TrimSuffix(x.String(), "0m0s"), "0s")
			if x < time.Minute {
				into[key] = x.String()
			}
		case configs.Cloud:
			into[key] = x.Name
			structKeys(field, key, into)
		case []configs.Tenant:
			structKeys(field.Index(0), key+"[]", into)
		case []string:
			list := []any{}
			for _, s := range x {
				list = append(list, s)
			}
			into[key] = list
		case int:
			into[key] = float64(x)
		default:
			if field.Kind() == reflect.Struct {
				structKeys(field, key, into)
			} else {
				into[key] = x
			}
		}
	}
}

func schemaKeys(n node, prefix string, into map[string]any) {
	properties, _ := n["properties"].(node)
	for name, p := range properties {
		property := p.(node)
		key := strings.TrimPrefix(prefix+"."+name, ".")
		if property["description"] == nil {
			into[key+" has no description"] = true
		}
		items, _ := property["items"].(node)
		variants, _ := property["oneOf"].([]any)
		switch {
		case items["properties"] != nil:
			schemaKeys(items, key+"[]", into)
		case property["properties"] != nil:
			schemaKeys(property, key, into)
		default:
			into[key] = property["default"]
		}
		for _, v := range variants {
			schemaKeys(v.(node), key, into)
		}
	}
}

// TestExampleExplainsEveryKey: the example names each key, if only in a comment.
func TestExampleExplainsEveryKey(t *testing.T) {
	t.Parallel()
	keys := map[string]any{}
	schemaKeys(readSchema(t), "", keys)
	for key := range keys {
		name := key[strings.LastIndex(key, ".")+1:]
		if !regexp.MustCompile(`(?m)[\s{]` + name + `:`).MatchString(configs.Example()) {
			t.Errorf("the example does not name %s", key)
		}
	}
}

func TestSchemaAcceptsTheExample(t *testing.T) {
	t.Parallel()
	if faults := validate(t, configs.Example()); len(faults) > 0 {
		t.Errorf("got %q", faults)
	}
}

// TestSchemaRefuses: what an editor can see, it underlines.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"natz: {}\n", ".natz: unknown"},
		{"nats: {stream: {replicas: 2}}\n", ".nats.stream.replicas: not in enum"},
		{"nats: {stream: {history: 720}}\n", ".nats.stream.history: not a string"},
		{"nats: {stream: {history: 30d}}\n", ".nats.stream.history: not like"},
		{"tenants: []\n", ".tenants: too short"},
		{"tenants: [{}]\n", ".tenants[0].name: missing"},
		{"tenants: [{name: A}]\n", ".tenants[0].name: not like"},
		{"tenants: [{name: a, rate: {share: 1.5}}]\n", ".tenants[0].rate.share: too large"},
		{"tenants: [{name: a, rate: {share: 0}}]\n", ".tenants[0].rate.share: too small"},
		{"tenants: [{name: a, unknown_after: 0}]\n", ".tenants[0].unknown_after: too small"},
		{"tenants: [{name: a, users: {ids: [x]}}]\n", ".tenants[0].users.ids[0]: not like"},
		{"tenants: [{name: a, cloud: china}]\n", ".tenants[0].cloud: fits 0 of oneOf"},
		{"tenants: [{name: a, cloud: {graph_url: 'https://a'}}]\n", ".tenants[0].cloud: fits 0 of oneOf"},
	} {
		if got := strings.Join(validate(t, test.text), "; "); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.text, got, test.want)
		}
	}
}

func validate(t *testing.T, text string) []string {
	t.Helper()
	var instance any
	if err := yaml.Unmarshal([]byte(text), &instance); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(instance)
	if err != nil {
		t.Fatal(err)
	}
	instance = nil
	if err := json.Unmarshal(asJSON, &instance); err != nil {
		t.Fatal(err)
	}
	root := readSchema(t)
	return validator{t, root["$defs"].(node)}.check(root, instance, "")
}

// validator knows the part of JSON Schema that our file uses, and fails the test for any other keyword.
type validator struct {
	t    *testing.T
	defs node
}

func (v validator) check(schema node, x any, at string) (faults []string) {
	say := func(what string) { faults = append(faults, at+": "+what) }
	for keyword, value := range schema {
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description", "default", "examples", "properties":
		case "$ref":
			faults = append(faults, v.check(v.defs[strings.TrimPrefix(value.(string), "#/$defs/")].(node), x, at)...)
		case "type":
			if name := typeName(x); name != value && !(name == "integer" && value == "number") {
				say("not a " + value.(string))
			}
		case "enum":
			if !slices.Contains(value.([]any), x) {
				say("not in enum")
			}
		case "pattern":
			if s, ok := x.(string); ok && !regexp.MustCompile(value.(string)).MatchString(s) {
				say("not like " + value.(string))
			}
		case "minLength":
			if s, ok := x.(string); ok && float64(len(s)) < value.(float64) {
				say("too short")
			}
		case "maxLength":
			if s, ok := x.(string); ok && float64(len(s)) > value.(float64) {
				say("too long")
			}
		case "minimum", "exclusiveMinimum":
			if f, ok := x.(float64); ok && (f < value.(float64) || f == value.(float64) && keyword != "minimum") {
				say("too small")
			}
		case "maximum":
			if f, ok := x.(float64); ok && f > value.(float64) {
				say("too large")
			}
		case "oneOf":
			fits := 0
			for _, variant := range value.([]any) {
				if len(v.check(variant.(node), x, at)) == 0 {
					fits++
				}
			}
			if fits != 1 {
				say(fmt.Sprintf("fits %d of oneOf", fits))
			}
		case "required", "additionalProperties":
			faults = append(faults, v.object(schema, keyword, x, at)...)
		case "items", "minItems", "uniqueItems":
			faults = append(faults, v.array(keyword, value, x, at)...)
		default:
			v.t.Fatalf("the schema uses %s, which this test does not know", keyword)
		}
	}
	return faults
}

func (v validator) object(schema node, keyword string, x any, at string) (faults []string) {
	object, isObject := x.(node)
	if !isObject {
		return nil
	}
	if keyword == "required" {
		for _, name := range schema["required"].([]any) {
			if _, found := object[name.(string)]; !found {
				faults = append(faults, at+"."+name.(string)+": missing")
			}
		}
		return faults
	}
	properties, _ := schema["properties"].(node)
	for name, value := range object {
		if property, known := properties[name].(node); known {
			faults = append(faults, v.check(property, value, at+"."+name)...)
		} else {
			faults = append(faults, at+"."+name+": unknown")
		}
	}
	return faults
}

func (v validator) array(keyword string, value, x any, at string) (faults []string) {
	list, isList := x.([]any)
	if !isList {
		return nil
	}
	switch keyword {
	case "items":
		for i, item := range list {
			faults = append(faults, v.check(value.(node), item, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case "minItems":
		if float64(len(list)) < value.(float64) {
			faults = append(faults, at+": too short")
		}
	case "uniqueItems":
		for i, item := range list {
			if slices.ContainsFunc(list[:i], func(other any) bool { return reflect.DeepEqual(other, item) }) {
				faults = append(faults, at+": twice the same")
			}
		}
	}
	return faults
}

func typeName(x any) string {
	switch f := x.(type) {
	case node:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if f == float64(int64(f)) {
			return "integer"
		}
		return "number"
	}
	return "null"
}
