package configs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/configs"
)

// FuzzParse: whatever the file holds, there is no panic, and each fault names the file or a position, on one line.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/bad-*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(tenant))
	f.Add([]byte(configs.Example()))
	f.Add([]byte("\ufefflog:\r\n  level: \x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, _, err := configs.Parse("no-such-folder/p.yaml", data, inputs())
		if err == nil {
			again, _, err := configs.Parse("no-such-folder/p.yaml", data, inputs())
			if err != nil || len(again.Tenants) != len(cfg.Tenants) {
				t.Errorf("a second reading gave %v, %v", again, err)
			}
			return
		}
		var all *configs.Errors
		if !errors.As(err, &all) || len(all.Problems) == 0 || cfg != nil {
			t.Fatalf("got %v, %v, want *configs.Errors alone", cfg, err)
		}
		for _, p := range all.Problems {
			text := p.String()
			if p.File == "" || p.Got == "" || p.Want == "" || p.Mend == "" || p.Line < 0 || p.Column < 0 {
				t.Errorf("incomplete problem %+v", p)
			}
			if strings.ContainsAny(text, "\n\r\x1b") {
				t.Errorf("problem %q is more than one line", text)
			}
			if p.Line == 0 && p.Err == nil && len(strings.TrimSpace(string(data))) > 0 && !strings.Contains(text, "at least one tenant") {
				t.Errorf("problem %q has no position", text)
			}
		}
	})
}

// FuzzSize: what ParseSize takes, String gives back in other words for the same size.
func FuzzSize(f *testing.F) {
	for _, seed := range []string{"0B", "10GiB", "1TB", "8388607TiB", "9223372036854775807B", "-1B", "1.5GiB", "GiB", "10 MB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := configs.ParseSize(text)
		if err != nil {
			return
		}
		if size < 0 {
			t.Fatalf("ParseSize(%q) = %d", text, size)
		}
		if again, err := configs.ParseSize(size.String()); err != nil || again != size {
			t.Errorf("ParseSize(%q) = %d, String = %q, which reads as %d, %v", text, size, size, again, err)
		}
	})
}
