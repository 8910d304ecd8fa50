package network_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/simulation/network"
)

func second(bool, time.Time) time.Duration { return time.Second }

// all reads until the end, or an error.
func all(t *testing.T, l *network.Link) string {
	t.Helper()
	data, err := io.ReadAll(l.Server)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func send(t *testing.T, l *network.Link, text string) {
	t.Helper()
	if _, err := l.Client.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrittenArrivesInOrderAndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := network.New(func(_ bool, at time.Time) time.Duration {
			return time.Duration(3-at.Second()) * time.Second // the later the faster
		})
		begun := time.Now()
		send(t, l, "a")
		send(t, l, "b")
		time.Sleep(time.Second)
		send(t, l, "c")
		_ = l.Client.Close()
		if got := all(t, l); got != "abc" {
			t.Errorf("read %q, want abc", got)
		}
		if took := time.Since(begun); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("took %v, want 3s: what was written later overtakes nothing", took)
		}
	})
}

func TestCutLetsAShareThrough(t *testing.T) {
	for share, want := range map[float64]string{0: "", 0.5: "abcde", 0.95: "abcdefghi"} {
		synctest.Test(t, func(t *testing.T) {
			l := network.New(second)
			send(t, l, "abcdef")
			time.Sleep(time.Millisecond)
			send(t, l, "ghij")
			l.Cut(share, 0)
			if got := all(t, l); got != want {
				t.Errorf("a share of %v: read %q, want %q", share, got, want)
			}
			if _, err := l.Client.Write([]byte("x")); err == nil {
				t.Error("writing to a broken link is no error")
			}
			if _, err := l.Client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("reading from a broken link: %v, want EOF", err)
			}
		})
	}
}

func TestStallHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := network.New(second)
		begun := time.Now()
		send(t, l, "a")
		l.Stall(begun.Add(time.Minute))
		_ = l.Client.Close()
		if got := all(t, l); got != "a" || time.Since(begun) != time.Minute {
			t.Errorf("read %q after %v, want a after 1m", got, time.Since(begun))
		}
	})
}

func TestSilenceTellsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := network.New(second)
		send(t, l, "a")
		l.Silence(true, false)
		send(t, l, "b")
		if err := l.Server.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n, err := l.Server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d bytes, %v, want a deadline that passes", n, err)
		}
		if _, err := io.Copy(l.Server, strings.NewReader("c")); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 1)
		if _, err := io.ReadFull(l.Client, answer); err != nil || string(answer) != "c" {
			t.Errorf("read %q, %v the other way, want c", answer, err)
		}
	})
}
