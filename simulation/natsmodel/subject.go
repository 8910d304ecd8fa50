package natsmodel

import (
	"fmt"
	"strings"
)

// matches reports whether a subject fits a pattern with * and >.
func matches(pattern, subject string) bool {
	if pattern == subject {
		return true
	}
	for pattern != "" && subject != "" {
		var p, s string
		p, pattern, _ = strings.Cut(pattern, ".")
		if p == ">" {
			return true
		}
		s, subject, _ = strings.Cut(subject, ".")
		if p != "*" && p != s {
			return false
		}
	}
	return pattern == "" && subject == ""
}

func matchesAny(patterns []string, subject string) bool {
	for _, p := range patterns {
		if matches(p, subject) {
			return true
		}
	}
	return len(patterns) == 0
}

// transform rewrites a subject that fits source to destination, in which
// {{wildcard(n)}} stands for source's n-th wildcard.
func transform(source, destination, subject string) (string, bool) {
	if !matches(source, subject) {
		return "", false
	}
	tokens := strings.Split(subject, ".")
	n := 0
	for i, p := range strings.Split(source, ".") {
		if p == "*" {
			n++
			destination = strings.ReplaceAll(destination, fmt.Sprintf("{{wildcard(%d)}}", n), tokens[i])
		}
	}
	return destination, true
}
