package configs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxFile is the largest configuration file. Longer lists of users belong in files of their own.
const maxFile = 8 << 20

// Inputs is everything that a configuration depends on beside its file. The zero value reads no environment and
// takes any schedule.
type Inputs struct {
	// Environ is what os.Environ returns. Nil: no variables.
	Environ []string
	// Overrides are the flags that were given; of two for one key the later wins.
	Overrides []Override
	// CheckSchedule returns what is wrong with one schedule, in words. Nil: every text is a schedule.
	CheckSchedule func(spec string) error
	// ParseSchedules returns the union of schedules, each of which CheckSchedule takes. Nil: schedules are not held against
	// the budget of requests.
	ParseSchedules func(specs []string) (Timetable, error)
	// Now tells the time, to judge certificates. Nil: time.Now.
	Now func() time.Time
	// SecretDirs are directories where a platform puts secrets with modes of its own choice. Nil: /run/secrets.
	// $CREDENTIALS_DIRECTORY is always one.
	SecretDirs []string
}

// Load reads the file at path, and the files that it names. An empty path means that there is no file. The error is an
// [*Errors]; the warnings are worth showing in either case.
func Load(path string, in Inputs) (*Config, []Warning, error) {
	if path == "" {
		return Parse("", nil, in)
	}
	data, x := readConfig(path)
	if x != nil {
		return nil, nil, &Errors{[]Problem{{File: path, Got: x.got, Want: x.want, Mend: x.mend, Err: x.cause}}}
	}
	return Parse(path, data, in)
}

// Parse is [Load] for a file that was read already: name stands in errors, and paths in data are relative to its
// directory. An empty name means that there is no file.
func Parse(name string, data []byte, in Inputs) (*Config, []Warning, error) {
	f := newFindings(name)
	if name == "" {
		f.file = "configuration"
	}
	cfg := Default()
	data, readable := f.text(data)
	if readable {
		if len(bytes.TrimSpace(data)) > 0 {
			f.document(data, &cfg)
		}
		f.environment(&cfg, in)
		newCheck(f, name, in).config(&cfg)
	}
	slices.SortStableFunc(f.warnings, func(a, b Warning) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	if len(f.problems) > 0 {
		sortByPlace(f.problems, f.file)
		return nil, f.warnings, &Errors{f.problems}
	}
	cfg.origins = f.originNames()
	return &cfg, f.warnings, nil
}

// readConfig reads a file of bounded size. It asks for the kind first: opening a pipe would wait for its writer.
func readConfig(path string) ([]byte, *fault) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &fault{"no such file", "a YAML file", "check the path; `presenced config example` prints one to start with", fs.ErrNotExist}
	case err != nil:
		return nil, &fault{"a file that cannot be looked at (" + cause(err).Error() + ")", "a readable file", "check the path and the rights on its directories", cause(err)}
	case info.IsDir():
		return nil, &fault{"a directory", "a YAML file", "name the file in it", syscall.EISDIR}
	case !info.Mode().IsRegular():
		return nil, &fault{"a device, pipe or socket", "a regular file", "copy its content to a file", nil}
	case info.Size() > maxFile:
		return nil, tooLarge()
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, &fault{"a file that cannot be read (" + cause(err).Error() + ")", "a readable file", "give the user of this process the right to read it", cause(err)}
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, &fault{"a file that breaks off (" + cause(err).Error() + ")", "a readable file", "check the disk", cause(err)}
	}
	return data, nil
}

func tooLarge() *fault {
	return &fault{got: "more than 8 MiB", want: "a file of at most 8 MiB", mend: "put long lists of users in files of their own, under users.files"}
}

// text refuses what is no UTF-8 text. A byte order mark and line ends of Windows have one meaning only: they are
// accepted with a warning.
func (f *findings) text(data []byte) ([]byte, bool) {
	refuse := func(x *fault, line int) ([]byte, bool) {
		f.add(Problem{File: f.file, Line: line, Got: x.got, Want: x.want, Mend: x.mend})
		return nil, false
	}
	lineAt := func(i int) int { return 1 + bytes.Count(data[:i], []byte("\n")) }
	if len(data) > maxFile {
		return refuse(tooLarge(), 0)
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return refuse(&fault{got: "text in UTF-16", want: "UTF-8", mend: "save it as UTF-8"}, 1)
	}
	if i := slices.IndexFunc(data, func(b byte) bool { return b < ' ' && b != '\t' && b != '\n' && b != '\r' || b == 0x7f }); i >= 0 {
		return refuse(&fault{got: fmt.Sprintf("binary data (the byte 0x%02x)", data[i]), want: "YAML text", mend: "check that this is the right file"}, lineAt(i))
	}
	if !utf8.Valid(data) {
		i := 0
		for i < len(data) {
			r, size := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			i += size
		}
		return refuse(&fault{got: "bytes that are not UTF-8", want: "UTF-8", mend: "save it as UTF-8"}, lineAt(i))
	}
	if text, found := bytes.CutPrefix(data, []byte("\ufeff")); found {
		data = text
		f.warnings = append(f.warnings, Warning{File: f.file, Line: 1, Text: "begins with a byte order mark; save it as UTF-8 without one"})
	}
	if i := bytes.Index(data, []byte("\r\n")); i >= 0 {
		f.warnings = append(f.warnings, Warning{File: f.file, Line: lineAt(i), Text: "has line ends of Windows (CRLF); LF is what other tools expect"})
	}
	return data, true
}

// document decodes the one YAML document of the file.
func (f *findings) document(data []byte, cfg *Config) {
	var documents []yaml.Node
	err := yaml.Load(data, &documents, yaml.WithAllDocuments())
	if err != nil {
		f.syntax(err, data)
		return
	}
	if len(documents) > 1 {
		f.atNode(&documents[1], "", &fault{got: "a second YAML document", want: "one", mend: "remove the line --- and what follows"})
	}
	if len(documents) == 0 || len(documents[0].Content) == 0 {
		return // comments only
	}
	if root := documents[0].Content[0]; root.ShortTag() != "!!null" {
		f.decode(root, reflect.ValueOf(cfg).Elem(), "")
	}
}

// syntax reports where the text stops being YAML. After that nothing can be said of the keys.
func (f *findings) syntax(err error, data []byte) {
	f.refused[""] = true
	p := Problem{File: f.file, Got: "text that is no YAML", Want: "YAML", Mend: "check indentation, quotes and brackets around here"}
	var where *yaml.LoadError
	if errors.As(err, &where) {
		p.Line, p.Column = max(where.Mark.Line, 1), max(where.Mark.Column, 1)
		switch message := where.Message; {
		case strings.Contains(message, "anchor"): // an unquoted secret may begin with *
			p.Got, p.Mend = "an alias without its anchor", "put a text that begins with * in quotes"
		case !repeats(message, data):
			p.Got += " (" + message + ")"
		}
	}
	for i, line := range strings.Split(string(data), "\n") {
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") && i < p.Line {
			p.Line, p.Column = i+1, 1+strings.Index(indent, "\t")
			p.Got, p.Want, p.Mend = "a tab in the indentation", "spaces", "replace it by spaces"
			break
		}
	}
	f.add(p)
}

// relative makes a path in the file relative to the file. Paths from elsewhere are relative to the working directory.
func (f *findings) relative(dir, key, path string) string {
	if path == "" || filepath.IsAbs(path) || f.layer(key) > fromFile {
		return path
	}
	return filepath.Join(dir, path)
}

// repeats reports whether a message of the library quotes what stands in the file, which may be a secret. Single
// characters, as in "did not find expected ',' or '}'", are none.
func repeats(message string, data []byte) bool {
	parts := strings.FieldsFunc(message, func(r rune) bool { return strings.ContainsRune("'\"`", r) })
	for i := 1; i < len(parts); i += 2 { // every second one stands in quotes
		if len(parts[i]) > 2 && bytes.Contains(data, []byte(parts[i])) {
			return true
		}
	}
	return false
}
