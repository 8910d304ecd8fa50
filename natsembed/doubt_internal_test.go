package natsembed

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// A stream in doubt is read anew at the next start, once, and what cannot be read is
// a loss. So is a doubt that nothing confirms: something acknowledged was not kept.
func TestDoubtfulStreamIsReadAnew(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]bool{"spoilt": true, "whole": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, err := Start(t.Context(), Config{StoreDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			fill(t, s, jetstream.DefaultPersistMode)
			if err := s.Doubt("TEST"); err != nil {
				t.Fatal(err)
			}
			if err := s.CheckStore(); !errors.Is(err, ErrStoreDamaged) {
				t.Errorf("check: %v, want %v", err, ErrStoreDamaged)
			}
			s.Close()
			block := filepath.Join(dir, "jetstream", "$G", "streams", "TEST", "msgs", "1.blk")
			if spoil {
				text, err := os.ReadFile(block)
				if err != nil {
					t.Fatal(err)
				}
				text[len(text)-12] ^= 0x10
				if err := os.WriteFile(block, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, first := range []bool{true, false} {
				if s, err = Start(t.Context(), Config{StoreDir: dir}); err != nil {
					t.Fatal(err)
				}
				if err := s.CheckStore(); err != nil {
					t.Error(err)
				}
				if first && spoil != (s.reached()["TEST"].Last == 19) {
					t.Errorf("the stream reaches %d, spoilt: %v", s.reached()["TEST"].Last, spoil)
				}
				if lost := s.Lost("TEST", "a"); lost == 0 {
					t.Errorf("first start: %v: lost %d, want a loss until it is told", first, lost)
				}
				s.Close()
			}
			s.Close()
			if _, err := os.Stat(filepath.Join(dir, doubtName)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the doubt is still there: %v", err)
			}
		})
	}
}
