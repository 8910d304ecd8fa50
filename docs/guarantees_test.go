package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// Every line of guarantees.md says what shows it, or that nothing does. That the names exist is for the command's tests.
func TestEveryGuaranteeIsShown(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile("`(Test|Fuzz|Benchmark)[A-Z]\\w+`|`make [a-z-]+`|`demo [^`]+`")
	rows := 0
	for _, part := range strings.Split(read(t, "guarantees.md"), "\n## ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		lines := 0
		for line := range strings.Lines(text) {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
			if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what ") {
				continue
			}
			lines++
			last := strings.TrimSpace(cells[len(cells)-1])
			if !shown.MatchString(last) && (heading != "Not promised" || !strings.HasPrefix(last, "no test")) {
				t.Errorf("%s: nothing shows %s", heading, cells[0])
			}
		}
		if lines < 2 {
			t.Errorf("%s has %d lines in its table", heading, lines)
		}
		rows += lines
	}
	if rows < 50 {
		t.Errorf("guarantees.md has %d lines only", rows)
	}
}
