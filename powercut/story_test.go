//go:build fuse && linux

package powercut_test

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"presenced/audit"
	"presenced/powercut/lossy"
	"presenced/publisher"
	"presenced/trial"
)

// readDisk reads the log on a copy of the disk, so that the daemon finds what the
// cut left and not what another server has mended. The server is a process of its
// own: one that used a mount which it serves itself would often wait for itself.
func readDisk(t *testing.T, disk *lossy.Disk) []audit.Entry {
	t.Helper()
	m := mounted(t, disk.Copy())
	defer m.unmount(t)
	var journal trial.Journal
	cmd := exec.Command(presenced, "nats", "--store-dir", m.dir+"/store", "--nats-listen", "127.0.0.1:0")
	cmd.Stderr = &journal
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.process = launch(t, cmd)
	defer m.process.Stop(t, patience)
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("server on a copy of the disk: %v, log complains %q", err, journal.Complaints())
	}
	if l, damaged := journal.Said("embedded nats started with damage"); damaged && !strings.Contains(l.Error, "> KV_presence'") {
		t.Errorf("more is damaged than the table: %s", l.Error) // the table is not synced: it is made again from the log
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	entries, err := readServer(ctx, strings.TrimSpace(url), trial.LogConfig(1), true)
	if err != nil {
		t.Error(err)
	}
	return entries
}

// readServer reads the log and, if nobody writes it, checks that the table says the
// same.
func readServer(ctx context.Context, url string, cfg publisher.Config, quiet bool) ([]audit.Entry, error) {
	log, conn, err := trial.OpenLog(ctx, publisher.ConnectionConfig{Name: "powercut", URL: url}, cfg)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	s, err := trial.ReadLog(ctx, log)
	if err != nil || !quiet {
		return s.Entries, err
	}
	return s.Entries, trial.AwaitTable(ctx, 20*time.Millisecond, log, s.Entries)
}
