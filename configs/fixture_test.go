package configs_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"presenced/configs"
)

var update = flag.Bool("update", false, "rewrite the expected texts in testdata")

const (
	directory = "7a3c2f10-52c4-4b7e-9d61-0f5e8c1b2a34"
	app       = "c1e0b9d8-6f47-4a25-8e13-9b7d5f3a1c02"
	anna      = "0b54c7de-8c1f-4d3a-a6e2-3f9b7c5d1e80"
	bert      = "1c65d8ef-9d20-4e4b-b7f3-4a0c8d6e2f91"
	carla     = "2d76e9f0-ae31-4f5c-88a4-5b1d9e7f30a2"
	noon      = "2026-11-24T12:00:00Z"
)

// tenant is a valid one that needs no other file; edits replace its lines.
const tenant = `tenants:
  - name: contoso
    tenant_id: ` + directory + `
    client_id: ` + app + `
    credential: {device_code: {token_file: refresh-token}}
    users: {ids: [` + anna + `]}
`

func inputs() configs.Inputs {
	return configs.Inputs{Now: func() time.Time {
		now, _ := time.Parse(time.RFC3339, noon)
		return now
	}}
}

// edited returns tenant with old replaced, and fails if old is not in it.
func edited(t *testing.T, old, replacement string) string {
	t.Helper()
	if !strings.Contains(tenant, old) {
		t.Fatalf("no %q in the valid tenant", old)
	}
	return strings.Replace(tenant, old, replacement, 1)
}

// parsed returns the configuration in text, which must be valid.
func parsed(t *testing.T, text string, in configs.Inputs) *configs.Config {
	t.Helper()
	cfg, _, err := configs.Parse("p.yaml", []byte(text), in)
	if err != nil {
		t.Fatalf("Parse(%s) = %v, want no error", text, err)
	}
	return cfg
}

// refused returns the only line that Parse says about text.
func refused(t *testing.T, text string, in configs.Inputs) string {
	t.Helper()
	cfg, _, err := configs.Parse("p.yaml", []byte(text), in)
	return oneProblem(t, cfg, err)
}

func oneProblem(t *testing.T, cfg *configs.Config, err error) string {
	t.Helper()
	var all *configs.Errors
	if !errors.As(err, &all) {
		t.Fatalf("got error %v, want *configs.Errors", err)
	}
	if cfg != nil {
		t.Error("got a configuration beside the error")
	}
	if len(all.Problems) != 1 || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %d problems, want 1 on one line:\n%v", len(all.Problems), err)
	}
	return err.Error()
}

// file writes a file with a mode and returns its path.
func file(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the umask may have cut it
		t.Fatal(err)
	}
	return path
}

func wantParts(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("got  %s\nwant %q in it", got, part)
		}
	}
}

func wantNone(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if part != "" && strings.Contains(got, part) {
			t.Errorf("got  %s\nwant no %q in it", got, part)
		}
	}
}
