package natsembed_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"presenced/natsembed"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// childEnv makes this test binary a process that holds the store it names.
const childEnv = "NATSEMBED_TEST_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := holdStore(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// holdStore publishes a line on stdout per acknowledged message until it is
// killed, or its parent is gone.
func holdStore(dir string) error {
	s, err := natsembed.Start(context.Background(), natsembed.Config{StoreDir: dir})
	if err != nil {
		return err
	}
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if _, err := js.CreateStream(context.Background(), testStream); err != nil {
		return err
	}
	for {
		if _, err := js.Publish(context.Background(), "test.a", []byte("hello")); err != nil {
			return err
		}
		if _, err := fmt.Println("acknowledged"); err != nil {
			return err
		}
	}
}

func TestKilledHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	acked := uint64(0)
	for acked < 50 && lines.Scan() && lines.Text() == "acknowledged" {
		acked++
	}

	_, err = natsembed.Start(t.Context(), natsembed.Config{StoreDir: dir})
	if !errors.Is(err, natsembed.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d since 20", child.Process.Pid)) {
		t.Errorf("Start on a held store = %v, want ErrLocked naming pid %d", err, child.Process.Pid)
	}

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() && lines.Text() == "acknowledged" {
		acked++
	}
	child.Wait() // says "killed"
	if acked < 50 {
		t.Fatalf("the child gave up after %d messages: %s", acked, lines.Text())
	}

	s := start(t, natsembed.Config{StoreDir: dir}) // no waiting: the lock proves the holder dead
	if got := messages(t, connect(t, s)); got < acked {
		t.Errorf("%d messages after kill -9, want the %d acknowledged ones", got, acked)
	}
}

func lockShared(dir string) error {
	f, err := os.Open(filepath.Join(dir, "presenced.lock"))
	if err != nil {
		return err
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
}

func TestStoreIsLockedWithinAProcessToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	used := func(want bool) {
		t.Helper()
		if got, err := natsembed.InUse(dir); err != nil || got != want {
			t.Errorf("InUse = %v, %v; want %v", got, err, want)
		}
	}
	used(false)
	first := start(t, natsembed.Config{StoreDir: dir})
	used(true)
	if _, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: dir}); !errors.Is(err, natsembed.ErrLocked) {
		t.Errorf("second Start = %v, want ErrLocked", err)
	}
	first.Close()
	used(false)
	start(t, natsembed.Config{StoreDir: dir})
}
