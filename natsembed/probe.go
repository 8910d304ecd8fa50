package natsembed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"
)

// ErrStoreGone is a store that was deleted or replaced under a running server. The
// server goes on acknowledging what nobody will ever read again: nothing but to end
// the process helps.
var ErrStoreGone = errors.New("store is gone")

// CheckStore finds out whether the store takes writes, by writing a small file in
// it, syncing it and reading it from the disk: the server tells its clients of a full
// or broken disk by silence only. The error names path and errno, and is
// [ErrStoreGone] if the store was deleted, [ErrStoreDamaged] after [Server.Doubt].
// What it writes is how far the streams go, for [Server.Lost] of the next start, and
// who was told of what they lost.
//
// It blocks for as long as the disk does. A stream that has stopped after a write
// error is an error for good: Close and Start mend it.
func (s *Server) CheckStore() error {
	if err := s.doubtful(); err != nil {
		return err
	}
	s.checking.Lock()
	defer s.checking.Unlock()
	if err := s.store.here(); err != nil {
		return err
	}
	if dir := s.missingStream(); dir != "" && dir == s.missingStream() { // not one that is just being removed
		return fmt.Errorf("%w: %s was deleted: %w", ErrStoreGone, dir, syscall.ENOENT)
	}
	if err := s.settle(); err != nil {
		return err
	}
	// What was there at the check before is synced by now; the newest may not be.
	safe := s.safe
	s.safe = s.reached()
	if err := s.store.mark(safe, os.WriteFile); err != nil {
		return err
	}
	return s.stopped()
}

// here is nil if the directory still holds the lock that we took.
func (s *store) here() error {
	path := filepath.Join(s.dir, lockName)
	found, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s was deleted: %w", ErrStoreGone, path, syscall.ENOENT)
	}
	if err != nil {
		return storeError("look at store", path, err)
	}
	held, err := s.lock.Stat()
	if err != nil {
		return storeError("look at store", path, err)
	}
	if !os.SameFile(found, held) {
		return fmt.Errorf("%w: %s was replaced", ErrStoreGone, path)
	}
	return nil
}

// missingStream is the directory of a stream that the server has and the disk has
// not; "" if there is none.
func (s *Server) missingStream() string {
	info, err := s.nats.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return "" // it is closing, which Healthz tells
	}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			dir := filepath.Join(info.Config.StoreDir, account.Id, "streams", stream.Name)
			if _, err := os.Stat(filepath.Join(dir, "meta.inf")); errors.Is(err, fs.ErrNotExist) {
				return dir
			}
		}
	}
	return ""
}

// stopped is the write error that a stream has stopped after.
func (s *Server) stopped() error {
	h := s.nats.Healthz(&server.HealthzOptions{Details: true})
	for _, e := range h.Errors {
		if e.Type == server.HealthzErrorJetStream || e.Type == server.HealthzErrorStream && strings.Contains(e.Error, "write error") {
			return fmt.Errorf("embedded nats in %s: %s: it takes no writes until it is started again", s.store.dir, e.Error)
		}
	}
	return nil
}
