package configs_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"presenced/configs"
)

// TestRoster joins the list and the files, whose paths are relative to the configuration, without the excluded.
func TestRoster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"p.yaml": edited(t, "ids: ["+anna+"]", "ids: ["+strings.ToUpper(carla)+"], files: [teams/sales.txt], exclude: ["+strings.ToUpper(bert)+"]"),
		"teams/sales.txt": "\ufeff# the sales team\r\n\r\n  " + bert + "\t# leaves in May\r\n" +
			strings.ToUpper(anna), // no line end
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, _, err := configs.Load(filepath.Join(dir, "p.yaml"), inputs())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{anna, carla}, cfg.Tenants[0].Roster); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{bert}, cfg.Tenants[0].Users.Exclude); diff != "" {
		t.Errorf("exclude (-want +got):\n%s", diff)
	}
}

func TestBadUserFiles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, path, want string }{
		{"comments only", file(t, "u.txt", "# nobody\n\n", 0o600), "files[0]: got a file without a user id"},
		{"directory", t.TempDir(), "files[0]: got a directory"},
		{"long line", file(t, "u.txt", anna+"\n"+strings.Repeat("x", 1<<20), 0o600), "u.txt:2: tenants[0].users.files[0]: got a line of more than 4 KiB"},
		{"two ids on a line", file(t, "u.txt", anna+" "+bert+"\n", 0o600), "u.txt:1: tenants[0].users.files[0]: got a text of 73 characters"},
		{"twice", file(t, "u.txt", bert+"\n"+anna+"\n"+bert+"\n", 0o600), "got a user again (the first is at "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := refused(t, edited(t, "ids: ["+anna+"]", "files: ['"+test.path+"']"), inputs())
			wantParts(t, got, test.want)
			wantNone(t, got, anna, bert)
		})
	}
}

// TestWrongFileIsNotReadToTheEnd: a binary by mistake gives a hundred lines and one more, not a million.
func TestWrongFileIsNotReadToTheEnd(t *testing.T) {
	t.Parallel()
	path := file(t, "u.txt", strings.Repeat("\x00\xff\n", 10_000), 0o600)
	_, _, err := configs.Parse("p.yaml", []byte(edited(t, "ids: ["+anna+"]", "files: ["+path+"]")), inputs())
	var all *configs.Errors
	if !errors.As(err, &all) {
		t.Fatalf("got %v, want *configs.Errors", err)
	}
	if got, last := len(all.Problems), all.Problems[len(all.Problems)-1]; got != 101 || last.Line != 101 {
		t.Fatalf("got %d problems, the last at line %d, want 101 and 101", got, last.Line)
	}
	wantParts(t, all.Problems[100].String(), "got 100 bad lines before this one", "the rest was not read")
}

func TestAtMostAMillionUsers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "u.txt")
	numbered(t, path, 1_000_000)
	text := edited(t, "ids: ["+anna+"]", "files: ["+path+"]") + "    schedules: ['@every 39s']\n"
	if got := len(parsed(t, text, inputs()).Tenants[0].Roster); got != 1_000_000 {
		t.Errorf("roster of %d, want a million", got)
	}
	got := refused(t, strings.Replace(text, "files:", "ids: ["+anna+"], files:", 1), inputs())
	wantParts(t, got, path+":1000000: tenants[0].users.files[0]: got one user more than the limit, want at most 1000000 users")
}

// numbered writes a file of n user ids.
func numbered(tb testing.TB, path string, n int) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintf(w, "1c65d8ef-9d20-4e4b-b7f3-%012x\n", i)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	numbered(b, filepath.Join(dir, "u.txt"), 100_000)
	path := filepath.Join(dir, "p.yaml")
	text := strings.Replace(tenant, "ids: ["+anna+"]", "files: [u.txt]", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := configs.Load(path, inputs()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse has its users in the configuration itself, as many as fit.
func BenchmarkParse(b *testing.B) {
	var ids strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&ids, "1c65d8ef-9d20-4e4b-b7f3-%012x,\n      ", i)
	}
	text := []byte(strings.Replace(tenant, anna, ids.String(), 1))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := configs.Parse("p.yaml", text, inputs()); err != nil {
			b.Fatal(err)
		}
	}
}
