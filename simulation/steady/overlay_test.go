package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree is a Go tree with one file.
func tree(t *testing.T, text string) string {
	t.Helper()
	src := t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "a.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return src
}

func TestEditsAreMadeOneAfterTheOther(t *testing.T) {
	files, err := apply(tree(t, "one two"), "go9", []edit{{"a.go", "one", "1"}, {"a.go", "1 two", "12"}})
	if err != nil || len(files) != 1 || files["a.go"] != "12" {
		t.Errorf("apply() = %v, %v, want 12", files, err)
	}
}

func TestAnEditThatDoesNotFitSaysWhatItIsFor(t *testing.T) {
	for text, times := range map[string]string{"two": "0 times", "one, one": "2 times"} {
		_, err := apply(tree(t, text), "go9", []edit{{"a.go", "one", "1"}})
		if err == nil {
			t.Fatalf("apply() to %q is no error", text)
		}
		for _, part := range []string{"a.go of go9", times, known} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("apply() to %q: %v, want %q in it", text, err, part)
			}
		}
	}
}

// TestOverlayNamesWhatIsThere runs the whole command with the Go that runs it.
func TestOverlayNamesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	if err := run(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "overlay.json"))
	if err != nil {
		t.Fatal(err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(data, &overlay); err != nil {
		t.Fatal(err)
	}
	if len(overlay.Replace) < len(added)+2 {
		t.Errorf("the overlay replaces %d files", len(overlay.Replace))
	}
	for file, name := range overlay.Replace {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("%s is replaced by what is not there: %v", file, err)
		}
	}
}
