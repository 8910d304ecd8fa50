package publisher_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"presenced/natsembed"
	"presenced/presence"
	"presenced/publisher"
)

// A bit that flips on disk in the newest owner message, under an index that is
// whole: the server knows of the message, cannot read it, cannot delete it, and
// rolls up the next one in its place. Whoever finds that out has not got the tenant.
func TestSpoiltOwnerMessage(t *testing.T) {
	t.Parallel()
	srv, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := owned(t, openLog(t, srv), "a")
	p := newPeople()
	mustAppend(t, c, p.become("Away", "Away", userID(1), userID(2)))
	mustAppend(t, c, p.become("Busy", "Busy", userID(1), userID(2)))
	mustAppend(t, c, p.beat())
	srv.Close()
	for where, offset := range map[string]int{"length": -22, "sequence": -18, "subject": 3, "headers": 60, "body": 180} { // from its subject
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			store := t.TempDir()
			if err := os.CopyFS(store, os.DirFS(srv.StoreDir())); err != nil {
				t.Fatal(err)
			}
			block := filepath.Join(store, "jetstream", "$G", "streams", "PRESENCE", "msgs", "1.blk")
			text, err := os.ReadFile(block)
			if err != nil {
				t.Fatal(err)
			}
			text[bytes.LastIndex(text, []byte("presenced.owner."))+offset] ^= 0x10
			if err := os.WriteFile(block, text, 0o600); err != nil {
				t.Fatal(err)
			}

			srv, err := natsembed.Start(t.Context(), natsembed.Config{StoreDir: store})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(srv.Close)
			c := newChain(openLog(t, srv), "b")
			seen, err := c.Owner(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Acquire(t.Context(), seen, presence.Ledger{}); !errors.Is(err, publisher.ErrUnkept) || errors.Is(err, presence.ErrDeposed) {
				t.Fatalf("acquire: %v, want %v", err, publisher.ErrUnkept)
			}
			if seen, err = c.Owner(t.Context()); err != nil || seen.Sequence == 0 || seen.Replica != "" || seen.Epoch < seen.Sequence {
				t.Errorf("owner: %+v, %v, want one that cannot be read: somebody may live who wrote it", seen, err)
			}
			if _, err := c.Acquire(t.Context(), seen, presence.Ledger{}); errors.Is(err, presence.ErrDeposed) {
				t.Errorf("acquire again: %v", err)
			}
		})
	}
}
