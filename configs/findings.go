package configs

import (
	"slices"
	"strings"
)

// layer is where a value came from; a higher one wins.
type layer int

const (
	fromDefault layer = iota
	fromFile
	fromUsual     // AZURE_… and NATS_…
	fromPresenced // PRESENCED_…
	fromOverride
)

type mark struct{ line, column int }

type origin struct {
	name  string
	layer layer
}

// findings collects what is found while a configuration is read: where each key stands, what set it, and what
// is wrong. Keys are paths, such as tenants[0].users.ids[3].
type findings struct {
	file     string
	marks    map[string]mark   // keys in the file, at their values
	set      map[string]origin // keys set by variables and flags, which hide the file
	refused  map[string]bool   // keys with a problem
	touched  map[string]bool   // keys with a problem inside
	problems []Problem
	warnings []Warning
}

func newFindings(file string) *findings {
	return &findings{
		file:    file,
		marks:   map[string]mark{},
		set:     map[string]origin{},
		refused: map[string]bool{},
		touched: map[string]bool{},
	}
}

// refuse records one problem for key. A second one for the same key, or for one inside a refused section, would
// only repeat the first in other words and is left out.
func (f *findings) refuse(key string, x *fault) {
	for k := key; ; k = parent(k) {
		if f.refused[k] {
			return
		}
		if k == "" {
			break
		}
	}
	f.blame(key)
	file, m := f.where(key)
	f.add(Problem{File: file, Line: m.line, Column: m.column, Key: key, Got: x.got, Want: x.want, Mend: x.mend, Err: x.cause})
}

// missing is refuse for something that is not there; it is silent if something inside key was refused already.
func (f *findings) missing(key, want, mend string) {
	if !f.touched[key] {
		f.refuse(key, &fault{got: "nothing", want: want, mend: mend})
	}
}

// blame marks key as refused, so that what follows from its fault is not reported too.
func (f *findings) blame(key string) {
	f.refused[key] = true
	for k := key; k != ""; {
		k = parent(k)
		f.touched[k] = true
	}
}

func (f *findings) add(p Problem) { f.problems = append(f.problems, p) }

func (f *findings) warn(key, text string) {
	file, m := f.where(key)
	f.warnings = append(f.warnings, Warning{File: file, Line: m.line, Column: m.column, Key: key, Text: text})
}

// where finds key, or the nearest section around it.
func (f *findings) where(key string) (string, mark) {
	for k := key; ; k = parent(k) {
		if o, found := f.set[k]; found {
			return o.name, mark{}
		}
		if m, found := f.marks[k]; found {
			return f.file, m
		}
		if k == "" {
			return f.file, mark{}
		}
	}
}

// at is where, in words.
func (f *findings) at(key string) string {
	file, m := f.where(key)
	return strings.TrimSuffix(place(file, m.line, m.column), ": ")
}

// layer says what set key, or the list that it is an element of.
func (f *findings) layer(key string) layer {
	if o, found := f.set[key]; found {
		return o.layer
	}
	if strings.HasSuffix(key, "]") {
		return f.layer(parent(key))
	}
	if _, found := f.marks[key]; found {
		return fromFile
	}
	return fromDefault
}

// override notes that a variable or a flag set key; what the file said of it, and of its elements, is forgotten.
func (f *findings) override(key string, o origin) {
	f.set[key] = o
	for known := range f.marks {
		if strings.HasPrefix(known, key+"[") {
			delete(f.marks, known)
		}
	}
}

// oneOf refuses a value that is not among allowed.
func (f *findings) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		f.refuse(key, &fault{got: quoted(value), want: "one of " + strings.Join(allowed, ", "), mend: mendWord(value, allowed...)})
	}
}

func mendWord(value string, allowed ...string) string {
	if slices.Contains(allowed, strings.ToLower(value)) {
		return "write it in lower case"
	}
	return "write one of these"
}

// parent cuts the last step of a key: a.b[2] → a.b → a → "".
func parent(key string) string { return key[:max(strings.LastIndexAny(key, ".["), 0)] }
