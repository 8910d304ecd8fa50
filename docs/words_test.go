package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"presenced/presence"
)

func TestWordsAreTheKnownOnes(t *testing.T) {
	t.Parallel()
	shown := firstColumn(section(t, read(t, "events.md"), "Words"))
	if diff := cmp.Diff(knownWords(t), shown); diff != "" {
		t.Errorf("words (-code +events.md):\n%s", diff)
	}
	for _, word := range shown {
		if !presence.IsKnownWord(word) || presence.Canonical(strings.ToLower(word)) != word {
			t.Errorf("%s is no word of presenced's", word)
		}
	}
}

// "Sleeping in becomes Sleeping_in".
func TestNewWordsArePassedOn(t *testing.T) {
	t.Parallel()
	told := regexp.MustCompile("`([^`]+)` becomes `([^`]+)`").FindAllStringSubmatch(section(t, read(t, "events.md"), "Words"), -1)
	if len(told) == 0 {
		t.Error("events.md has no example of a new word")
	}
	for _, m := range told {
		if got := presence.Canonical(m[1]); got != m[2] || presence.IsKnownWord(m[1]) {
			t.Errorf("%q becomes %q, events.md says %q", m[1], got, m[2])
		}
	}
	if got := presence.Canonical(strings.Repeat("a", 65)); got != strings.Repeat("a", 64) {
		t.Errorf("65 letters become %d", len(got))
	}
}

// knownWords are the words in the source of presence, sorted.
func knownWords(tb testing.TB) []string {
	tb.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../presence/presence.go", nil, 0)
	if err != nil {
		tb.Fatal(err)
	}
	words := []string{presence.Unknown}
	ast.Inspect(file, func(n ast.Node) bool {
		list, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		for _, element := range list.Elts {
			if literal, ok := element.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				word, err := strconv.Unquote(literal.Value)
				if err != nil {
					tb.Fatal(err)
				}
				words = append(words, word)
			}
		}
		return true
	})
	slices.Sort(words)
	if len(words) < 15 {
		tb.Fatalf("found %d words only: %v", len(words), words)
	}
	return words
}

func TestCausesAreExplained(t *testing.T) {
	t.Parallel()
	text := section(t, read(t, "events.md"), "Types")
	for _, cause := range []presence.Cause{
		presence.CauseThrottled, presence.CauseUnauthorized, presence.CauseForbidden, presence.CauseUnreachable, presence.CauseNATS,
	} {
		if !strings.Contains(text, "`"+string(cause)+"` (") {
			t.Errorf("cause %s is not explained", cause)
		}
	}
}
