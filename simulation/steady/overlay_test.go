package main

import (
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
