package graphsim_test

import (
	"testing"

	"presenced/graphsim"
)

func FuzzParseScript(f *testing.F) {
	f.Add([]byte("faults: [{kind: reset, after: 1s}]\npresence: [{at: 1s, user: 0, remove: true}]"))
	f.Add([]byte("faults:\n  - kind: slow\n    delay: 9999999h"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		script, err := graphsim.ParseScript(text)
		if err != nil {
			return
		}
		for _, fault := range script.Faults {
			if fault.Kind == "" || fault.Count < 0 {
				t.Errorf("accepted %+v", fault)
			}
		}
	})
}
