package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestEveryMutantStillApplies keeps the list from rotting: what make mutants tries
// must be in the code, to the letter.
func TestEveryMutantStillApplies(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range mutants {
		if names[m.Name] {
			t.Errorf("mutant %q is there twice", m.Name)
		}
		names[m.Name] = true
		if _, err := m.apply(root); err != nil {
			t.Error(err)
		}
	}
	if len(mutants) < 30 {
		t.Errorf("got %d mutants, want 30 or more", len(mutants))
	}
}

// TestOverlayKeepsWhatIsBeneath: a mutant runs on the same runtime as what it is a
// mutant of.
func TestOverlayKeepsWhatIsBeneath(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	beneath := filepath.Join(root, "overlay.json")
	for name, text := range map[string]string{"a.go": "right", "overlay.json": `{"Replace":{"/go/b.go":"/tmp/c.go"}}`} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	name, err := Mutant{Name: "wrong", File: "a.go", Old: "right", New: "wrong"}.overlay(root, dir, beneath)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Replace map[string]string }
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := []string{"/go/b.go", filepath.Join(root, "a.go")}
	if files := slices.Sorted(maps.Keys(got.Replace)); !slices.Equal(files, slices.Sorted(slices.Values(want))) {
		t.Errorf("the overlay replaces %v, want %v", files, want)
	}
}
