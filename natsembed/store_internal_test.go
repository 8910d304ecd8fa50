package natsembed

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// What the server really runs with, asked of the server itself.
func TestServerIsClosedAndDurable(t *testing.T) {
	t.Parallel()
	for _, relaxed := range []bool{false, true} {
		s, err := Start(t.Context(), Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Relaxed: relaxed})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		v, err := s.nats.Varz(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.JetStream.Config.SyncAlways; got == relaxed {
			t.Errorf("relaxed %v: sync always = %v", relaxed, got)
		}
		ports := map[string]int{
			"monitoring": v.HTTPPort, "monitoring tls": v.HTTPSPort, "cluster": v.Cluster.Port, "gateway": v.Gateway.Port,
			"leafnode": v.LeafNode.Port, "mqtt": v.MQTT.Port, "websocket": v.Websocket.Port,
		}
		for name, port := range ports {
			if port != 0 {
				t.Errorf("%s listens on port %d", name, port)
			}
		}
		if v.Host != "127.0.0.1" {
			t.Errorf("host = %s", v.Host)
		}
	}
}

func TestQuotaOfTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "block"), make([]byte, 12345), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &store{dir: dir}
	if used, err := s.used(); err != nil || used != 12345 {
		t.Errorf("used() = %d, %v, want 12345", used, err)
	}
	if got, err := s.quota(777); err != nil || got != 777 {
		t.Errorf("quota(777) = %d, %v", got, err)
	}
	if got, err := s.quota(1 << 60); err != nil || got >= 1<<60 {
		t.Errorf("quota(1 EiB) = %d, %v, want a share of the disk: it must be reached before the disk is full", got, err)
	}
	if _, err := s.quota(-1); err == nil {
		t.Error("quota(-1) is accepted")
	}
	if got, err := s.quota(0); err != nil || got <= minFree/5*4 {
		t.Errorf("quota(0) = %d, %v, want a share of the disk", got, err)
	}
	if share(1000, 0) != 800 || share(600, 400) != share(1000, 0) {
		t.Errorf("share = %d before and %d after writing 400 bytes, want 800 both", share(1000, 0), share(600, 400))
	}
	err := checkFree("/data", minFree-1)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "/data") {
		t.Errorf("checkFree of too little = %v, want ENOSPC naming the store", err)
	}
	if err := checkFree("/data", minFree); err != nil {
		t.Errorf("checkFree of just enough = %v", err)
	}
}

func TestStoreErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		errno syscall.Errno
		want  string
	}{
		{syscall.ENOSPC, "write lock /data: no space left on device: free some space or set embedded.store_dir to another disk"},
		{syscall.EROFS, "write lock /data: read-only file system: mount it writable or set embedded.store_dir to another disk"},
		{syscall.ENOTDIR, "write lock /data: not a directory: set embedded.store_dir to a directory"},
		{syscall.EACCES, "write lock /data: permission denied: give uid "},
		{syscall.EIO, "write lock /data: input/output error"},
	}
	for _, tt := range tests {
		err := storeError("write lock", "/data", &fs.PathError{Op: "open", Path: "/data", Err: tt.errno})
		if !errors.Is(err, tt.errno) || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("storeError(%v) = %q, want %q", tt.errno, err, tt.want)
		}
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	if err := compareOwner("/data", 7, 7); err != nil {
		t.Errorf("own store = %v", err)
	}
	err := compareOwner("/data", 7, 0)
	if !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("root on another's store = %v, want fs.ErrPermission", err)
	}
	for _, want := range []string{"/data", "uid 7", "uid 0"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestClaimVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		last, now string
		refused   bool
	}{
		{"2.15.2", "2.15.2", false},
		{"2.15.2", "2.15.3", false},
		{"2.15.2", "2.15.10", false}, // numbers, not text
		{"2.9.9", "2.15.0", false},
		{"2.15.3", "2.15.2", true},
		{"2.16.0-RC.1", "2.15.2", true},
		{"3.0.0", "2.99.99", true},
		{"2.15", "2.15.2", true},
		{"2.15.x", "2.15.2", true},
		{"2.15.-2", "2.15.2", true},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		if err := claimVersion(dir, tt.last); err != nil {
			t.Fatal(err)
		}
		err := claimVersion(dir, tt.now)
		if (err != nil) != tt.refused {
			t.Errorf("%s on a store of %s = %v, want refused %v", tt.now, tt.last, err, tt.refused)
		}
		kept, _ := os.ReadFile(filepath.Join(dir, "VERSION"))
		if tt.refused && string(kept) != tt.last+"\n" {
			t.Errorf("a refused store says %q, want %q as before", kept, tt.last)
		}
	}
}

func TestWarnOpenToOtherMachines(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]int{"0.0.0.0": 1, "192.0.2.1": 1, "127.0.0.1": 0, "::1": 0} {
		core, logs := observer.New(zapcore.WarnLevel)
		warn(Config{Log: zap.New(core)}, host, &store{dir: t.TempDir()})
		if got := logs.FilterMessageSnippet("other machines").Len(); got != want {
			t.Errorf("host %s: %d warnings, want %d", host, got, want)
		}
	}
}

// A child between fork and exec has every file of its parent.
func TestStoreIsFreeThoughAChildHasTheLockFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	childs, err := syscall.Dup(int(s.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(childs)
	s.close()
	again, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.close()
}
