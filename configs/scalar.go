package configs

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

func durationType() reflect.Type { return reflect.TypeFor[time.Duration]() }

// wanted says in words what a value of type t looks like.
func wanted(t reflect.Type) string {
	switch {
	case t == durationType():
		return "a duration such as 30s, 15m or 720h"
	case t == reflect.TypeFor[Size]():
		return "a size such as 512MiB or 10GiB"
	case t == reflect.TypeFor[Cloud]():
		return "a cloud: global, usgov, usgov-dod, or a section with graph_url and login_url"
	}
	switch t.Kind() {
	case reflect.Struct:
		return "a section of keys"
	case reflect.Slice:
		return "a list"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	}
	return "a text"
}

// setText writes text, from the file or from a variable, into v. It changes nothing if text does not fit.
func setText(v reflect.Value, text, key string) *fault {
	var value any
	var mend string
	t := v.Type()
	switch {
	case t == durationType():
		value, mend = readDuration(text)
	case t == reflect.TypeFor[Size]():
		value, mend = readSize(text)
	case t == reflect.TypeFor[Cloud]():
		value = Cloud{Name: text}
	case t == reflect.TypeFor[[]string]():
		value = splitList(text, key)
	case t.Kind() == reflect.Int:
		value, mend = readInt(text)
	case t.Kind() == reflect.Float64:
		value, mend = readFloat(text)
	case t.Kind() == reflect.Bool:
		value, mend = readBool(text)
	case t.Kind() == reflect.String:
		value = text
	default:
		return &fault{got: "a text", want: wanted(t), mend: "set the keys inside it"}
	}
	if mend != "" {
		got := quoted(text)
		if holdsSecret(key) {
			got = "another text"
		}
		return &fault{got: got, want: wanted(t), mend: mend}
	}
	v.Set(reflect.ValueOf(value))
	return nil
}

// splitList separates at commas, but schedules, which contain commas, at line ends.
func splitList(text, key string) []string {
	separator := ","
	if strings.HasSuffix(key, "schedules") {
		separator = "\n"
	}
	var list []string
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// The readers return the value, or how to mend the text.

func readDuration(text string) (time.Duration, string) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, ""
	}
	days, isDays := strings.CutSuffix(text, "d")
	if n, err := strconv.Atoi(days); isDays && err == nil && n > 0 && n < 100_000 {
		return 0, fmt.Sprintf("there is no unit for days; write %dh", 24*n)
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil && short(text) {
		return 0, fmt.Sprintf("add a unit: %ss", text)
	}
	return 0, "the units are ms, s, m and h, without spaces"
}

func readSize(text string) (Size, string) {
	size, err := ParseSize(text)
	if err != nil {
		return 0, "the units are B, KB, KiB, MB, MiB, GB, GiB, TB and TiB, without spaces"
	}
	return size, ""
}

// readInt takes decimal digits only: 010 is 8 to some readers, and 0x10 and 1_000 surprise others.
func readInt(text string) (int, string) {
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text {
		return 0, "write decimal digits, at most 18 of them, without a zero in front"
	}
	return n, ""
}

func readFloat(text string) (float64, string) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, "write decimal digits, as 0.8"
	}
	return x, ""
}

func readBool(text string) (bool, string) {
	if text != "true" && text != "false" {
		return false, "write true or false, in lower case"
	}
	return text == "true", ""
}
