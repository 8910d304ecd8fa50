// Mutants breaks presenced on purpose, one line at a time, and has the simulation
// find out: what it cannot find, it does not guard. Nothing of the tree changes;
// each mutant is compiled with an overlay.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Mutant is one bug: in File, Old becomes New.
type Mutant struct {
	Name string
	File string // from the module's root
	Old  string // occurs once
	New  string
}

// apply returns the file with the bug in it. The list must not outlive the code:
// that Old is not there, or more than once, is an error.
func (m Mutant) apply(root string) ([]byte, error) {
	source, err := os.ReadFile(filepath.Join(root, m.File))
	if err != nil {
		return nil, fmt.Errorf("mutant %q: %w", m.Name, err)
	}
	if n := strings.Count(string(source), m.Old); n != 1 {
		return nil, fmt.Errorf("mutant %q: %s holds %q %d times, want once: mend the list", m.Name, m.File, m.Old, n)
	}
	return []byte(strings.Replace(string(source), m.Old, m.New, 1)), nil
}

// overlay writes what go build needs to see the bug, and what is in the overlay
// beneath, if there is one, into dir, and returns the name of the overlay file.
func (m Mutant) overlay(root, dir, beneath string) (string, error) {
	source, err := m.apply(root)
	if err != nil {
		return "", err
	}
	var all struct{ Replace map[string]string }
	if beneath != "" {
		data, err := os.ReadFile(beneath)
		if err != nil {
			return "", fmt.Errorf("mutant %q: %w", m.Name, err)
		}
		if err := json.Unmarshal(data, &all); err != nil {
			return "", fmt.Errorf("mutant %q: %s: %w", m.Name, beneath, err)
		}
	}
	if all.Replace == nil {
		all.Replace = map[string]string{}
	}
	mutated := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(mutated, source, 0o600); err != nil {
		return "", fmt.Errorf("mutant %q: %w", m.Name, err)
	}
	all.Replace[filepath.Join(root, m.File)] = mutated
	data, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("mutant %q: %w", m.Name, err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		return "", fmt.Errorf("mutant %q: %w", m.Name, err)
	}
	return name, nil
}
