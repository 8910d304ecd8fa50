package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// code is everything that stands in single backticks.
var code = regexp.MustCompile("`([^`\n]+)`")

// repositoryFile is a path as pages write it: from the top of the repository.
var repositoryFile = regexp.MustCompile(`^[a-z]+(/[\w.-]+)*/[\w-]+\.(go|md|yaml|json)$`)

func TestFilesThatAreNamedExist(t *testing.T) {
	t.Parallel()
	named := 0
	for _, page := range pages(t) {
		for _, m := range code.FindAllStringSubmatch(read(t, page), -1) {
			if !repositoryFile.MatchString(m[1]) {
				continue
			}
			named++
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s names %s: %v", page, m[1], err)
			}
		}
	}
	if named < 15 {
		t.Errorf("only %d files are named", named)
	}
}

// declared are the names that a Go file, or all files of a folder, declares:
// functions, Type.Method, types, variables, constants and Type.Field.
func declared(tb testing.TB, path string) map[string]bool {
	tb.Helper()
	files := []string{path}
	if !strings.HasSuffix(path, ".go") {
		var err error
		if files, err = filepath.Glob(filepath.Join(path, "*.go")); err != nil {
			tb.Fatal(err)
		}
	}
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			tb.Fatal(err)
		}
		for _, d := range parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					declare(names, spec)
				}
			}
		}
	}
	return names
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name + "."
	}
	return "?."
}

func declare(names map[string]bool, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			names[name.Name] = true
		}
	case *ast.TypeSpec:
		names[spec.Name.Name] = true
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					names[spec.Name.Name+"."+name.Name] = true
				}
			}
		}
	}
}

// packages are the folders at the top that hold Go code.
func packages(tb testing.TB) []string {
	tb.Helper()
	found, err := fs.Glob(os.DirFS(".."), "*/*.go")
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	for _, path := range found {
		names = append(names, filepath.Dir(path))
	}
	return slices.Compact(names)
}

// Names such as presence.Rule.Diff, wherever they stand.
func TestNamesThatAreUsedExist(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^(` + strings.Join(packages(t), "|") + `)\.([A-Za-z]\w*(?:\.[A-Za-z]\w*)?)$`)
	known := map[string]map[string]bool{}
	used := 0
	for _, page := range pages(t) {
		for _, m := range code.FindAllStringSubmatch(read(t, page), -1) {
			parts := name.FindStringSubmatch(m[1])
			if parts == nil {
				continue
			}
			used++
			if known[parts[1]] == nil {
				known[parts[1]] = declared(t, filepath.Join("..", parts[1]))
			}
			if !known[parts[1]][parts[2]] {
				t.Errorf("%s names %s, which is not declared", page, m[1])
			}
		}
	}
	if used < 25 {
		t.Errorf("only %d names are used", used)
	}
}

// Rows of a table with a Go file: every name after it is declared there.
func TestFunctionsStandInTheirFiles(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile("(?m)^\\|[ 0-9|]*`([a-z]+/[a-z_]+\\.go)` \\|([^|]*)\\|")
	rows := line.FindAllStringSubmatch(read(t, "architecture.md"), -1)
	if len(rows) < 16 {
		t.Errorf("architecture.md has %d rows with a file, want 16", len(rows))
	}
	for _, m := range rows {
		names := declared(t, filepath.Join("..", m[1]))
		functions := code.FindAllStringSubmatch(m[2], -1)
		if len(functions) == 0 {
			t.Errorf("%s: no function is named", m[1])
		}
		for _, f := range functions {
			if !names[f[1]] {
				t.Errorf("%s does not declare %s", m[1], f[1])
			}
		}
	}
}

// The first table is a newcomer's way: five files, short ones.
func TestTheWayIsShort(t *testing.T) {
	t.Parallel()
	page := read(t, "architecture.md")
	if n := strings.Count(page, "\n"); n > 120 {
		t.Errorf("architecture.md has %d lines, want 120 at most", n)
	}
	steps := regexp.MustCompile("(?m)^\\| \\d \\| `([^`]+)`").FindAllStringSubmatch(page, -1)
	if len(steps) != 5 {
		t.Errorf("the way has %d files, want 5", len(steps))
	}
	for _, m := range steps {
		if n := strings.Count(read(t, filepath.Join("..", m[1])), "\n"); n > 200 {
			t.Errorf("%s has %d lines: it is not short", m[1], n)
		}
	}
}

// The rule of the arrows, as told and as it is.
func TestArrowsAreAsTold(t *testing.T) {
	t.Parallel()
	told := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(section(t, read(t, "architecture.md"), "Who may know whom"), -1) {
		cells := strings.Split(m[2], "|")
		told[m[1]] = strings.Trim(strings.TrimSpace(cells[1]), "`")
	}
	for _, name := range packages(t) {
		if _, ok := told[name]; !ok && len(imports(t, filepath.Join("..", name))) > 0 {
			t.Errorf("architecture.md does not speak of %s", name)
		}
	}
	for name, cell := range told {
		real := imports(t, filepath.Join("..", name))
		if name == "cmd/presenced" {
			for _, part := range real {
				if told[part] == "" {
					t.Errorf("architecture.md does not speak of %s, which the command wires", part)
				}
			}
			continue
		}
		if cell != strings.Join(real, " ") && !(len(real) == 0 && strings.HasPrefix(cell, "nothing")) {
			t.Errorf("architecture.md says that %s imports %s, it is %v", name, cell, real)
		}
	}
}

// imports are the packages of this module that a folder's production code imports.
func imports(tb testing.TB, dir string) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		tb.Fatal(err)
	}
	var all []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			tb.Fatal(err)
		}
		for _, i := range parsed.Imports {
			if name, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "presenced/"); ok && !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return all
}

// Comments in the code refer to pages here.
func TestPagesThatCodeRefersToExist(t *testing.T) {
	t.Parallel()
	page := regexp.MustCompile(`docs/(?:adr/)?[\w.-]+\.(?:md|yaml)`)
	for _, dir := range packages(t) {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, named := range page.FindAllString(read(t, file), -1) {
				if _, err := os.Stat(filepath.Join("..", named)); err != nil {
					t.Errorf("%s refers to %s: %v", file, named, err)
				}
			}
		}
	}
}

// The commands that the pages tell people to run are targets of the Makefile.
func TestTargetsExist(t *testing.T) {
	t.Parallel()
	makefile := read(t, "../Makefile")
	for _, page := range pages(t) {
		for _, m := range regexp.MustCompile("`make ([a-z-]+)`").FindAllStringSubmatch(read(t, page), -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s says make %s, which the Makefile does not know", page, m[1])
			}
		}
	}
}
