package natsembed_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/natsembed"
)

func TestStoreRefusals(t *testing.T) {
	t.Parallel()
	write := func(name, text string) func(dir string) error {
		return func(dir string) error {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
		}
	}
	tests := []struct {
		name    string
		prepare func(dir string) error
		want    []string // all in the error
	}{
		{"a file where the directory should be",
			func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
			[]string{"create store", "not a directory", "set embedded.store_dir"}},
		{"a directory where the lock should be",
			func(dir string) error { return os.MkdirAll(filepath.Join(dir, "presenced.lock"), 0o700) },
			[]string{"open lock", "presenced.lock", "is a directory"}},
		{"a file where JetStream's directory should be",
			write("jetstream", ""),
			[]string{"storage directory is not a directory"}},
		{"a newer server's store", write("VERSION", "99.1.0\n"),
			[]string{"nats-server 99.1.0", natsembed.Version, "delete"}},
		{"a newer server's store, release candidate", write("VERSION", "99.1.0-RC.1"),
			[]string{"nats-server 99.1.0-RC.1", natsembed.Version}},
		{"somebody else's VERSION", write("VERSION", "hello"),
			[]string{`got "hello"`, "no store of presenced"}},
		{"an empty VERSION", write("VERSION", ""), []string{`got ""`}},
		{"a directory where VERSION should be",
			func(dir string) error { return os.MkdirAll(filepath.Join(dir, "VERSION"), 0o700) },
			[]string{"VERSION", "is a directory"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "store")
			if err := tt.prepare(dir); err != nil {
				t.Fatal(err)
			}
			// Twice: a refusal must not hold the lock.
			for range 2 {
				_, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: dir})
				if err == nil {
					t.Fatal("Start accepted the store")
				}
				for _, want := range append(tt.want, dir) {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %q lacks %q", err, want)
					}
				}
			}
		})
	}
}

func TestNoStoreDir(t *testing.T) {
	t.Parallel()
	_, err := natsembed.Start(t.Context(), natsembed.Config{})
	if err == nil || !strings.Contains(err.Error(), "embedded.store_dir") {
		t.Errorf("Start without a store = %v, want the setting's name", err)
	}
}

func TestStoreOfAnOlderServerIsTakenOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "VERSION")
	if err := os.WriteFile(path, []byte("2.9.3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, natsembed.Config{StoreDir: dir}).Close()
	if text, err := os.ReadFile(path); err != nil || string(text) != natsembed.Version+"\n" {
		t.Errorf("VERSION = %q, %v, want %s", text, err, natsembed.Version)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if got, want := strings.Join(names, " "), "VERSION jetstream presenced.lock presenced.mark"; got != want {
		t.Errorf("store holds %s, want %s", got, want)
	}
}

func TestNewStoreIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := start(t, natsembed.Config{StoreDir: dir})
	if s.StoreDir() != dir {
		t.Errorf("StoreDir() = %s, want %s", s.StoreDir(), dir)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("mode of the store = %o, want 700", got)
	}
}
