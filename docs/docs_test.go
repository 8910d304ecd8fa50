// Package docs_test holds the prose of docs to the code: every example was made
// by it, every subject is one of its own, every field, word, header, file and
// function that is named is there.
package docs_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the examples in events.md")

// read is a file of this folder, or beside it.
func read(tb testing.TB, path string) string {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// pages are the pages of prose.
func pages(tb testing.TB) []string {
	tb.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "adr/*.md", "../examples/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 8 {
		tb.Fatalf("found %d pages only: %v", len(all), all)
	}
	return all
}

// section is the text under a heading of level 2.
func section(tb testing.TB, page, heading string) string {
	tb.Helper()
	_, rest, ok := strings.Cut(page, "\n## "+heading+"\n")
	if !ok {
		tb.Fatalf("there is no section %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// row is a line of a table whose first cell is code.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)$")

// firstColumn is the code in the first cell of every row, sorted.
func firstColumn(text string) []string {
	var cells []string
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		cells = append(cells, m[1])
	}
	slices.Sort(cells)
	return slices.Compact(cells)
}

func TestLinksLeadToFiles(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor := m[1], strings.TrimPrefix(m[2], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := page
			if target != "" {
				path = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s: %v", page, m[0], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, path)), anchor) {
				t.Errorf("%s links to %s: there is no such heading", page, m[0])
			}
		}
	}
}

// anchors are the headings of a page as links name them.
func anchors(page string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		all = append(all, regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(name, ""))
	}
	return all
}

func TestDecisionsAreShortAndWhole(t *testing.T) {
	t.Parallel()
	records, err := filepath.Glob("adr/*.md")
	if err != nil || len(records) == 0 {
		t.Fatalf("no decisions: %v", err)
	}
	for i, path := range records {
		text := read(t, path)
		if n := strings.Count(text, "\n"); n > 40 {
			t.Errorf("%s has %d lines, want 40 at most", path, n)
		}
		number := filepath.Base(path)[:4]
		if want := fmt.Sprintf("%04d", i+1); number != want {
			t.Errorf("%s is number %s, want %s", path, number, want)
		}
		if !strings.HasPrefix(text, "# "+number+" ") {
			t.Errorf("%s does not begin with its number", path)
		}
		for _, part := range []string{"Context", "Decision", "What we gave up", "Evidence"} {
			if strings.TrimSpace(section(t, text, part)) == "" {
				t.Errorf("%s: section %q is empty", path, part)
			}
		}
	}
}
