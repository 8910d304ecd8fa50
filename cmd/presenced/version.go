package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"presenced/natsembed"
)

// build is what this binary is made of.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	NATS    string `json:"nats_server"`
	Client  string `json:"nats_client"`
}

func thisBuild() build {
	b := build{Version: "0.0.0-dev", Go: runtime.Version(), NATS: natsembed.Version, Client: nats.Version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	return b
}

func newVersion(out *output) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this binary is made of",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if out.json() {
				return json.NewEncoder(out.data).Encode(b)
			}
			_, err := fmt.Fprintf(out.data, "presenced %s %s (%s, nats-server %s, nats.go %s)\n", b.Version, b.Commit, b.Go, b.NATS, b.Client)
			return err
		},
	}
}
