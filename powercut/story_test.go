//go:build fuse && linux

package powercut_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"presenced/audit"
	"presenced/powercut/lossy"
	"presenced/presence"
	"presenced/publisher"
)

func logConfig(replicas int) publisher.Config {
	return publisher.Config{Prefix: "presence", Stream: "PRESENCE", History: 720 * time.Hour, Replicas: replicas, Manage: publisher.ManageCreate}
}

// readDisk reads the log on a copy of the disk, so that the daemon finds what the
// cut left and not what another server has mended. The server is a process of its
// own: one that used a mount which it serves itself would often wait for itself.
func readDisk(t *testing.T, disk *lossy.Disk) []audit.Entry {
	t.Helper()
	m := mounted(t, disk.Copy())
	defer m.unmount(t)
	var journal journal
	cmd := exec.Command(presenced, "nats", "--store-dir", m.dir+"/store", "--nats-listen", "127.0.0.1:0")
	cmd.Stderr = &journal
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.process = launch(t, cmd)
	defer m.process.end(t)
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("server on a copy of the disk: %v, log complains %q", err, journal.complaintsSoFar())
	}
	if l, damaged := journal.said("embedded nats started with damage"); damaged && !strings.Contains(l.Error, "> KV_presence'") {
		t.Errorf("more is damaged than the table: %s", l.Error) // the table is not synced: it is made again from the log
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	entries, err := readServer(ctx, strings.TrimSpace(url), logConfig(1), true)
	if err != nil {
		t.Error(err)
	}
	return entries
}

// readServer reads the log and, if nobody writes it, checks that the table says the
// same.
func readServer(ctx context.Context, url string, cfg publisher.Config, quiet bool) ([]audit.Entry, error) {
	conn, err := publisher.Connect(publisher.ConnectionConfig{Name: "powercut", URL: url}, zap.NewNop())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.AwaitConnected(ctx); err != nil {
		return nil, err
	}
	// As the daemon opens it: a stream whose making was cut short is there only once
	// it is made again. One that was lost comes back empty, and the audit misses all.
	log, _, err := publisher.Open(ctx, conn, cfg)
	if err != nil {
		return nil, err
	}
	entries, err := readLog(ctx, log)
	if err != nil || !quiet {
		return entries, err
	}
	return entries, tableDiffers(ctx, log, entries)
}

// readLog is every event about a user, in order.
func readLog(ctx context.Context, log *publisher.Log) (entries []audit.Entry, err error) {
	var bad error
	err = log.Replay(ctx, log.Subject(">"), 0, func(r publisher.Record) {
		if !strings.Contains(r.Subject, ".user.") {
			return
		}
		e, err := presence.ParseEvent(r.Payload)
		if err != nil {
			bad = fmt.Errorf("message %d of the log: %w", r.Sequence, err)
		}
		entries = append(entries, audit.Entry{Event: e, Stored: r.Stored})
	})
	if err == nil {
		err = bad
	}
	return entries, err
}

// tableDiffers says how the table differs from the newest event of everybody. The
// server fills it a moment after the log, so it may take a few looks.
func tableDiffers(ctx context.Context, log *publisher.Log, entries []audit.Entry) error {
	want := make(map[presence.UserID]presence.Event)
	for _, e := range entries {
		want[e.Event.User] = e.Event
	}
	got := make(map[presence.UserID]presence.Event)
	var err error
	equal := func() bool {
		clear(got)
		if err = log.Table(ctx, "*", func(e presence.Event) { got[e.User] = e }); err != nil {
			return false
		}
		return maps.EqualFunc(want, got, func(a, b presence.Event) bool { return reflect.DeepEqual(a, b) })
	}
	if eventually(ctx, 20*time.Millisecond, equal) {
		return nil
	}
	differ := 0
	for user, e := range want {
		if !reflect.DeepEqual(e, got[user]) {
			differ++
		}
	}
	return fmt.Errorf("table has %d users, the log %d, of whom %d differ: %w", len(got), len(want), differ, errors.Join(err, ctx.Err()))
}
