package configs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/configs"
)

// TestBadFiles compares all the lines that each testdata/bad-*.yaml gets with the .txt beside it. `go test -update`
// rewrites these; read the difference before you commit it.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/bad-*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("Glob = %v, %v, want files", paths, err)
	}
	in := inputs()
	in.CheckSchedule = func(spec string) error {
		if strings.Contains(spec, "0s") {
			return errors.New("an interval of zero")
		}
		return nil
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			_, _, err := configs.Load(path, in)
			if err == nil {
				t.Fatal("Load = no error")
			}
			wantNone(t, err.Error(), "s3cr3t", "hunter2", "configs.", "time.Duration", "reflect", "float64", "yaml.Node", "dora", "fabrikam", "1c65d8ef", "0b54c7de")
			golden := strings.TrimSuffix(path, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if got := err.Error() + "\n"; got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}
