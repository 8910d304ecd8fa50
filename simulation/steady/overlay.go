package main

import (
	"encoding/json"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// edit replaces old, which stands in a file of Go's tree exactly once.
type edit struct{ file, old, replacement string }

// write makes all edits to copies of Go's files, and writes them and an overlay
// that puts them in the place of the originals into dir.
func write(src, version, dir string) error {
	files, err := apply(src, version, edits)
	if err != nil {
		return err
	}
	maps.Copy(files, added)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make a place for the overlay: %w", err)
	}
	replace := map[string]string{}
	for file, text := range files {
		formatted, err := format.Source([]byte(text)) // gofmt of the whole tree looks into dir too
		if err != nil {
			return fmt.Errorf("%s after the edits: %w", file, err)
		}
		name := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(name, formatted, 0o600); err != nil {
			return fmt.Errorf("write the overlay: %w", err)
		}
		replace[filepath.Join(src, file)] = name
	}
	data, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return fmt.Errorf("write the overlay: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), data, 0o600); err != nil {
		return fmt.Errorf("write the overlay: %w", err)
	}
	return nil
}

// apply returns the files as they are after the edits, by their path below src.
// An edit that does not fit is an error: half a patch would not be noticed until a
// run went another way.
func apply(src, version string, edits []edit) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range edits {
		text, read := files[e.file]
		if !read {
			data, err := os.ReadFile(filepath.Join(src, e.file))
			if err != nil {
				return nil, fmt.Errorf("read Go's source: %w", err)
			}
			text = string(data)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("%s of %s holds %q %d times, want once: the edits are known to fit %s; mend simulation/steady/edits.go",
				e.file, version, e.old, n, known)
		}
		files[e.file] = strings.Replace(text, e.old, e.replacement, 1)
	}
	return files, nil
}
