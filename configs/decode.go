package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	// maxListed is more than the ids that fit into a file; without it, bad elements of one byte fill the memory.
	maxListed = 250_000
	// maxTenants is far more than one process can watch.
	maxTenants = 1000
)

// decode writes a YAML node into v. The library's own decoder names Go types in its errors and stops at the first
// repeated key; walking its nodes costs this file and gives every error in our words, with its position.
func (f *findings) decode(n *yaml.Node, v reflect.Value, key string) {
	f.marks[key] = mark{n.Line, n.Column}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		f.refuse(key, &fault{got: "a YAML anchor or alias", want: wanted(v.Type()), mend: "write the value out"})
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		f.refuse(key, &fault{got: "a YAML tag", want: wanted(v.Type()), mend: "remove the tag"})
		return
	}
	switch {
	case v.Type() == reflect.TypeFor[Cloud]() && n.Kind == yaml.ScalarNode:
		f.scalar(n, v.FieldByName("Name"), key)
	case v.Type() == reflect.TypeFor[Cloud]():
		v.SetZero() // addresses instead of the default name
		f.mapping(n, v, key)
	case v.Kind() == reflect.Struct:
		f.mapping(n, v, key)
	case v.Kind() == reflect.Slice:
		f.sequence(n, v, key)
	default:
		f.scalar(n, v, key)
	}
}

func (f *findings) mapping(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.MappingNode {
		f.refuse(key, mistyped(n, v.Type(), key))
		return
	}
	keys := keysOf(v.Type())
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if before, twice := first[name.Value]; twice && name.Kind == yaml.ScalarNode {
			f.atNode(name, join(key, shownKey(key, name.Value, keys)), &fault{
				got: fmt.Sprintf("the key a second time (the first is at %d:%d)", before.Line, before.Column), want: "each key once",
				mend: "remove one of them",
			})
			continue
		}
		first[name.Value] = name
		at := slices.IndexFunc(keys, func(k keyed) bool { return k.key == name.Value })
		if at < 0 || name.Kind != yaml.ScalarNode || name.Anchor != "" || name.ShortTag() != "!!str" {
			f.unknownKey(name, key, keys)
			continue
		}
		f.decode(value, v.Field(keys[at].index), join(key, name.Value))
	}
}

func (f *findings) unknownKey(name *yaml.Node, key string, keys []keyed) {
	if name.Kind != yaml.ScalarNode {
		f.atNode(name, key, &fault{got: "a key that is no text", want: "a name followed by a colon", mend: "remove it"})
		return
	}
	at := join(key, shownKey(key, name.Value, keys))
	if x, instead := inlineSecret(key, name.Value); x != nil {
		f.atNode(name, at, x)
		f.blame(join(key, instead))
		return
	}
	known := make([]string, len(keys))
	for i, k := range keys {
		known[i] = k.key
	}
	x := &fault{got: "an unknown key", want: "one of " + strings.Join(known, ", "), mend: "remove it"}
	if at == key {
		x.got = "an unknown key (not shown, it may be a secret)"
		f.touched[key] = true // what is missing was probably meant by it
	}
	if glued := runTogether(name.Value, known); glued != "" {
		x.mend = fmt.Sprintf("write a colon and a space after %s", glued)
		f.blame(join(key, glued))
	} else if near := nearest(name.Value, known); near != "" {
		x.mend = fmt.Sprintf("did you mean %q?", near)
		f.blame(join(key, near)) // do not report it as missing as well
	}
	f.atNode(name, at, x)
}

// atNode reports a fault of a key itself, which has no value and so no mark.
func (f *findings) atNode(n *yaml.Node, key string, x *fault) {
	f.add(Problem{File: f.file, Line: n.Line, Column: n.Column, Key: key, Got: x.got, Want: x.want, Mend: x.mend})
}

func (f *findings) sequence(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.SequenceNode {
		f.refuse(key, mistyped(n, v.Type(), key))
		return
	}
	most, instead := maxListed, "list user ids in a file, under users.files"
	if v.Type() == reflect.TypeFor[[]Tenant]() {
		most, instead = maxTenants, "run several instances"
	}
	if len(n.Content) > most {
		f.refuse(key, &fault{got: fmt.Sprintf("a list of %d", len(n.Content)), want: fmt.Sprintf("at most %d elements", most), mend: instead})
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		if v.Type() == reflect.TypeFor[[]Tenant]() {
			list.Index(i).Set(reflect.ValueOf(DefaultTenant()))
		}
		f.decode(c, list.Index(i), element(key, i))
	}
	v.Set(list)
}

func (f *findings) scalar(n *yaml.Node, v reflect.Value, key string) {
	t := v.Type()
	if n.Kind != yaml.ScalarNode || !slices.Contains(tags(t), n.ShortTag()) {
		f.refuse(key, mistyped(n, t, key))
		return
	}
	if x := setText(v, n.Value, key); x != nil {
		f.refuse(key, x)
	}
}

// tags lists the YAML types that are right for t. A number in quotes is a text, and no number.
func tags(t reflect.Type) []string {
	switch {
	case t == reflect.TypeFor[Size](), t == durationType(), t.Kind() == reflect.String:
		return []string{"!!str"}
	case t.Kind() == reflect.Int:
		return []string{"!!int"}
	case t.Kind() == reflect.Float64:
		return []string{"!!float", "!!int"}
	}
	return []string{"!!bool"}
}

// mistyped says what kind of value stands where another is wanted.
func mistyped(n *yaml.Node, t reflect.Type, key string) *fault {
	return &fault{got: found(n, t, key), want: wanted(t), mend: retyped(n, t)}
}

// found describes a node. Its text is shown only where a short value belongs that is no secret.
func found(n *yaml.Node, t reflect.Type, key string) string {
	what := map[string]string{"!!null": "nothing", "!!str": "a text", "!!int": "a number", "!!float": "a number", "!!bool": "a word"}
	switch {
	case n.Kind == yaml.MappingNode:
		return "a section"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case what[n.ShortTag()] == "":
		return "a date"
	case n.ShortTag() == "!!null" || t.Kind() == reflect.Struct || t.Kind() == reflect.Slice || holdsSecret(key) || !short(n.Value):
		return what[n.ShortTag()]
	}
	return strings.Replace(what[n.ShortTag()], "a ", "the ", 1) + " " + quoted(n.Value)
}

// retyped says how a node becomes a value of type t.
func retyped(n *yaml.Node, t reflect.Type) string {
	switch {
	case n.ShortTag() == "!!null":
		return "write a value, or remove the key to keep the default"
	case n.Kind != yaml.ScalarNode || t.Kind() == reflect.Struct:
		return "`presenced config schema` shows what belongs here"
	case t == durationType() || t == reflect.TypeFor[Size]():
		return "add a unit"
	case t.Kind() == reflect.String:
		return "put it in quotes"
	case t.Kind() == reflect.Slice:
		return "write it as a list, in brackets: [a, b]"
	case t.Kind() == reflect.Bool:
		return "write true or false, without quotes"
	}
	return "write decimal digits, without quotes"
}
