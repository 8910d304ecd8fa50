package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"presenced/configs"
)

// reload is how a daemon comes by another configuration: it is asked by SIGHUP,
// and reads the same file, environment and flags as at its start.
type reload struct {
	asked <-chan os.Signal // nil: never
	read  func() (*configs.Config, []configs.Warning, error)
}

// reconfigure takes the configuration as it is now. One that has faults changes
// nothing, and what cannot change in a running process stays as it is; either is
// said.
func (d *daemon) reconfigure(ctx context.Context) {
	cfg, warnings, err := d.reload.read()
	for _, w := range warnings {
		d.log.Warn("configuration", zap.String("warning", w.String()))
	}
	var next []*tenancy
	if err == nil {
		next, err = d.prepare(cfg)
	}
	if err != nil {
		d.refuse(err)
		return
	}
	if kept := fixed(d.cfg, cfg); len(kept) > 0 {
		d.log.Warn("these values change only when presenced is started again", zap.Strings("keys", kept))
	}
	if level, err := zapcore.ParseLevel(cfg.Log.Level); err == nil { // a checked one always is
		d.level.SetLevel(level)
	}
	d.log.Info("configuration read again", zap.Int("tenants", len(next)))
	d.metrics.Reloaded(true)
	d.handOver(ctx, *d.tenants.Load(), next)
}

// refuse says every fault of a configuration.
func (d *daemon) refuse(err error) {
	d.metrics.Reloaded(false)
	faults := []string{err.Error()}
	var all *configs.Errors
	if errors.As(err, &all) {
		faults = nil
		for _, p := range all.Problems {
			faults = append(faults, p.String())
		}
	}
	for _, text := range faults {
		d.log.Error("configuration refused, the old one goes on", zap.String("fault", text))
	}
}

// fixed are the keys that differ and cannot change in a running process.
func fixed(was, is *configs.Config) []string {
	values := make(map[string]string)
	for _, s := range was.Settings() {
		values[s.Key] = s.Value
	}
	var keys []string
	for _, s := range is.Settings() {
		if !strings.HasPrefix(s.Key, "tenants") && s.Key != "log.level" && values[s.Key] != s.Value {
			keys = append(keys, s.Key)
		}
	}
	return slices.Compact(keys)
}
