package main

import (
	"path/filepath"
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
