// Steady writes an overlay for go test -overlay with which the Go runtime decides
// the same way in each run of a synctest bubble: which of several ready cases a
// select takes, in what order maps and timers come, who runs next. With it a seed
// of the simulation goes the same way every time, see docs/adr/0013-steady-runtime.md.
// Nothing of Go's own tree changes, and nothing that is released is built with it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
)

func main() {
	dir := flag.String("o", ".steady", "the folder that overlay.json and what it names are written into")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "steady:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	out, err := exec.CommandContext(ctx, "go", "env", "-json", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return fmt.Errorf("find Go: %w", err)
	}
	var env struct{ GOROOT, GOVERSION string }
	if err := json.Unmarshal(out, &env); err != nil {
		return fmt.Errorf("find Go: %w", err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	return write(filepath.Join(env.GOROOT, "src"), env.GOVERSION, dir)
}
