package configs

import (
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// keyed is a field of a section and the key that stands for it.
type keyed struct {
	key   string
	index int
}

// keysOf lists the keys of a section in the order of the struct, which is the order of the documentation.
func keysOf(section reflect.Type) []keyed {
	var keys []keyed
	for i := range section.NumField() {
		field := section.Field(i)
		if key := field.Tag.Get("yaml"); field.IsExported() && key != "-" {
			keys = append(keys, keyed{key, i})
		}
	}
	return keys
}

// leaves lists the keys below a section that hold a value or a list of texts; a list of sections is no leaf.
func leaves(section reflect.Type, prefix string) []string {
	var keys []string
	for _, k := range keysOf(section) {
		t, key := section.Field(k.index).Type, join(prefix, k.key)
		if t == reflect.TypeFor[Cloud]() {
			keys = append(keys, key) // a name is a value too
		}
		switch {
		case t.Kind() == reflect.Struct:
			keys = append(keys, leaves(t, key)...)
		case t.Kind() != reflect.Slice || t.Elem().Kind() == reflect.String:
			keys = append(keys, key)
		}
	}
	return keys
}

// lookup follows a key such as tenants[0].rate.share into v.
func lookup(v reflect.Value, key string) (reflect.Value, bool) {
	for _, step := range strings.Split(key, ".") {
		name, rest, indexed := strings.Cut(step, "[")
		if v.Kind() != reflect.Struct {
			return v, false
		}
		found := false
		for _, k := range keysOf(v.Type()) {
			if k.key == name {
				v, found = v.Field(k.index), true
				break
			}
		}
		if !found {
			return v, false
		}
		if indexed {
			i, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
			if err != nil || v.Kind() != reflect.Slice || i < 0 || i >= v.Len() {
				return v, false
			}
			v = v.Index(i)
		}
	}
	return v, true
}

// join puts a key below a section. Without a key, one that is not shown, it is the section.
func join(prefix, key string) string {
	switch {
	case prefix == "":
		return key
	case key == "":
		return prefix
	}
	return prefix + "." + key
}

func element(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

// nearest returns the known word that word was probably meant to be, or "".
func nearest(word string, known []string) string {
	best, least := "", 1+len(word)/3
	for _, k := range known {
		if d := distance(plain(word), plain(k)); d < least || d == least && best == "" {
			best, least = k, d
		}
	}
	return best
}

// plain forgets case and separators: clientId, client-id and CLIENT_ID are client_id misspelt.
func plain(word string) string {
	const longest = 64 // a key of megabytes resembles nothing, and distance is quadratic
	word = word[:min(len(word), longest)]
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' {
			return -1
		}
		return unicode.ToLower(r)
	}, word)
}

// distance counts the bytes to insert, delete or replace between a and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
