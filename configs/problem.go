package configs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// shownProblems is how many lines [Errors] prints; a list of a hundred thousand bad ids fills no terminal.
const shownProblems = 100

// Problem is one thing that is wrong, in words for whoever wrote it. No field ever holds a secret.
type Problem struct {
	// File is where the value stands: a file, a variable or a flag.
	File string
	// Line and Column count from 1. Zero: the whole file, or no file.
	Line, Column int
	// Key is the path of the value, as tenants[0].rate.share. Empty: the file itself.
	Key string
	// Got is what was found, Want what is accepted, Mend how to get from one to the other.
	Got, Want, Mend string
	// Err is the cause where the system refused, such as [io/fs.ErrNotExist]. Mostly nil.
	Err error
}

// String returns `file:line:column: key: got X, want Y; how to mend`, always on one line.
func (p Problem) String() string {
	return oneLine(place(p.File, p.Line, p.Column) + named(p.Key) +
		fmt.Sprintf("got %s, want %s; %s", p.Got, p.Want, p.Mend))
}

// Errors is everything that is wrong with a configuration, sorted by position. It is never empty.
type Errors struct {
	// Problems has one element for each fault: those of the file first, in its order.
	Problems []Problem
}

// Error returns one line for each problem, the first hundred of them.
func (e *Errors) Error() string {
	lines := make([]string, 0, shownProblems+1)
	for i, p := range e.Problems {
		if i == shownProblems {
			lines = append(lines, fmt.Sprintf("and %d more; mend these first", len(e.Problems)-i))
			break
		}
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the causes, so that errors.Is finds [io/fs.ErrPermission] and its like.
func (e *Errors) Unwrap() []error {
	var causes []error
	for _, p := range e.Problems {
		if p.Err != nil {
			causes = append(causes, p.Err)
		}
	}
	return causes
}

// Warning is something that works but that somebody should know.
type Warning struct {
	// File, Line, Column and Key say where, as in [Problem].
	File         string
	Line, Column int
	Key          string
	// Text says what, and what to do. It never holds a secret.
	Text string
}

// String returns `file:line:column: key: text`, on one line.
func (w Warning) String() string {
	return oneLine(place(w.File, w.Line, w.Column) + named(w.Key) + w.Text)
}

// fault is a problem that does not know yet where it stands.
type fault struct {
	got, want, mend string
	cause           error
}

// Error makes a fault an error of its own, for callers outside a configuration.
func (x *fault) Error() string {
	return oneLine(fmt.Sprintf("got %s, want %s; %s", x.got, x.want, x.mend))
}

// Unwrap returns the system's cause, or nil.
func (x *fault) Unwrap() error { return x.cause }

// sortByPlace puts the file first; what came from elsewhere follows by name.
func sortByPlace(problems []Problem, file string) {
	elsewhere := func(p Problem) int {
		if p.File == file {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(elsewhere(a), elsewhere(b)),
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
		)
	})
}

func place(file string, line, column int) string {
	if line == 0 {
		return file + ": "
	}
	if column == 0 {
		return fmt.Sprintf("%s:%d: ", file, line)
	}
	return fmt.Sprintf("%s:%d:%d: ", file, line, column)
}

func named(key string) string {
	if key == "" {
		return ""
	}
	return key + ": "
}

// oneLine keeps a hostile file name or value from forging a second line or moving the cursor.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return '?'
	}, text)
}

// short reports whether a text may be shown wherever it stands: secrets are longer, as a rule. Where a short one is
// likely, [holdsSecret] speaks first.
func short(text string) bool { return len([]rune(text)) <= 24 }

// quoted shows a value if it is short. A long one is described: people paste secrets into the strangest places, and
// the position says which one is meant.
func quoted(text string) string {
	if !short(text) {
		return fmt.Sprintf("a text of %d characters", len([]rune(text)))
	}
	return strconv.Quote(text)
}

// whole shows a text that is surely no secret, such as a folder that is there. It cuts it at sixty characters.
func whole(text string) string {
	const longest = 60
	if runes := []rune(text); len(runes) > longest {
		return strconv.Quote(string(runes[:longest])) + "…"
	}
	return strconv.Quote(text)
}

// cause reduces an error of the os package to its reason: the path in it may be a secret written in the wrong place.
func cause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}
