package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"presenced/configs"
	"presenced/presence"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if n := strings.Count(readFile(t, "README.md"), "\n"); n >= 150 {
		t.Errorf("README.md has %d lines, want fewer than 150", n)
	}
}

// Every command line in README, and in this command's own manual, is one that the
// command understands.
func TestCommandsInProseExist(t *testing.T) {
	t.Parallel()
	lines := regexp.MustCompile(`(?m)(?:go run \./cmd/presenced|\./presenced|^//\tpresenced) ([a-z][^#\n>]*)`)
	for _, path := range []string{"README.md", "cmd/presenced/main.go"} {
		found := lines.FindAllStringSubmatch(readFile(t, path), -1)
		if len(found) == 0 {
			t.Errorf("no command lines in %s", path)
		}
		for _, m := range found {
			line, _, _ := strings.Cut(m[1], "   ")
			cmd, rest, err := newRoot(&buffer{}, &buffer{}).Find(strings.Fields(line))
			if err != nil || cmd.Parent() == nil {
				t.Errorf("%s: no command in %q", path, line)
				continue
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", path, line, err)
			}
		}
	}
}

// The configuration table names keys that exist, with the defaults they have.
func TestReadmeConfiguration(t *testing.T) {
	t.Parallel()
	defaults := map[string]string{}
	known := map[string]bool{}
	schema := configs.Schema()
	for _, m := range regexp.MustCompile("(?m)^\\| `([^|]*)` \\| ([^|]*) \\|").FindAllStringSubmatch(readFile(t, "README.md"), -1) {
		for key := range strings.SplitSeq(m[1], "`, `") {
			known[key] = true
			defaults[key] = strings.Trim(m[2], " `")
			last := key[strings.LastIndex(key, ".")+1:]
			if !strings.Contains(schema, `"`+last+`"`) {
				t.Errorf("README names %s, the schema does not", key)
			}
		}
	}
	if len(known) < 10 {
		t.Fatalf("only %d keys found in README's table", len(known))
	}
	d, one := configs.Default(), configs.DefaultTenant()
	for key, want := range map[string]string{
		"nats.prefix": d.NATS.Prefix, "nats.stream.manage": d.NATS.Stream.Manage, "http.listen": d.HTTP.Listen,
		"embedded.store_dir": d.Embedded.StoreDir, "tenants[].endpoint": one.Endpoint, "tenants[].schedules": strings.Join(one.Schedules, ","),
	} {
		if defaults[key] != want {
			t.Errorf("README says that the default of %s is %q, it is %q", key, defaults[key], want)
		}
	}
}

// README and the example configuration name the permissions that check asks for.
func TestPermissionsInProse(t *testing.T) {
	t.Parallel()
	everything := &configs.Tenant{Endpoint: "bulk", Users: configs.Users{UPNs: []string{"anna@contoso.com"}, Groups: []string{"group"}}}
	for i, p := range needed(everything) {
		if !strings.Contains(readFile(t, "README.md"), "`"+p[0]+"`") {
			t.Errorf("README does not name %s", p[0])
		}
		if i > 0 && !strings.Contains(readFile(t, "configs/presenced.example.yaml"), "needs "+p[0]+"\n") {
			t.Errorf("the example configuration does not name %s", p[0])
		}
	}
}

// The event in README is one that the code writes.
func TestReadmeEvent(t *testing.T) {
	t.Parallel()
	_, text, _ := strings.Cut(readFile(t, "README.md"), "```json\n")
	text, _, _ = strings.Cut(text, "```")
	e, err := presence.ParseEvent([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	written, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	blanks := strings.NewReplacer(" ", "", "\n", "")
	if diff := cmp.Diff(blanks.Replace(text), blanks.Replace(string(written))); diff != "" {
		t.Errorf("event (-README +code):\n%s", diff)
	}
	if !strings.Contains(readFile(t, "README.md"), "`"+e.Subject("presence")+"`") {
		t.Errorf("README does not name its subject %s", e.Subject("presence"))
	}
}

// docs/guarantees.md names tests, benchmarks and fuzz targets that exist.
func TestGuaranteesNameTheirTests(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("..", "..", "*", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join("..", "..", "*", "*", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(files, more...) {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				have[fn.Name.Name] = true
			}
		}
	}
	named := regexp.MustCompile("`((?:Test|Benchmark|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(readFile(t, "docs/guarantees.md"), -1)
	if len(named) < 10 {
		t.Fatalf("docs/guarantees.md names %d tests", len(named))
	}
	for _, m := range named {
		if !have[m[1]] {
			t.Errorf("docs/guarantees.md names %s, which does not exist", m[1])
		}
	}
}

// Every command says what it is for.
func TestEveryCommandIsDescribed(t *testing.T) {
	t.Parallel()
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no description", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&buffer{}, &buffer{}))
}
