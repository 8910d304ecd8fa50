package natsembed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
)

const markName = "presenced.mark"

// reach is how far a stream goes. The server forgets: where it finds a damaged
// message at a start, it cuts the stream off there, and counts on from that.
type reach struct {
	Created  time.Time     `json:"created"`
	MaxAge   time.Duration `json:"max_age"` // 0: for ever
	First    uint64        `json:"first"`
	Begins   time.Time     `json:"begins"` // time of First
	Last     uint64        `json:"last"`
	Ends     time.Time     `json:"ends"` // time of Last
	Messages uint64        `json:"messages"`
	Async    bool          `json:"async,omitempty"` // acknowledged before it is on disk: may lack its end, or be gone, after a power cut
	Away     bool          `json:"away,omitempty"`  // the server did not take it up, though its messages are there; Created will be another
	Loss     *loss         `json:"loss,omitempty"`  // nil: none
}

// lost is how many messages at most a stream has lost since was, other than by age
// and by what was written since; 0 if none, or if it is another stream of the same
// name.
func (was reach) lost(is reach, now time.Time) uint64 {
	kept := func(t time.Time) bool { return was.MaxAge == 0 || now.Sub(t) < was.MaxAge }
	switch {
	case !is.Created.Equal(was.Created) && !was.Away || was.Messages == 0:
		return 0
	case is.Last < was.Last:
		return was.Last - is.Last
	case is.Last > was.Last: // what is deleted since cannot be told from what is lost
		return 0
	case is.First == was.First && is.Messages < was.Messages,
		is.First != was.First && kept(was.Begins),
		is.First > was.Last && kept(was.Ends):
		return was.Messages
	}
	return 0
}

// reached is how far every stream goes now, and what it lost before; nil if the
// server does not say.
func (s *Server) reached() map[string]reach {
	// Asked first: what a reader wrote before it was told is then in its stream.
	known := s.noted(make(map[string]reach))
	streams := s.streams()
	if streams == nil {
		return nil
	}
	for name, r := range known {
		if lost := r.Loss; !r.Away {
			r = streams[name] // one that is gone may come back
			r.Loss = lost
		}
		streams[name] = r
	}
	return streams
}

// streams is how far every stream goes now; nil if the server does not say.
func (s *Server) streams() map[string]reach {
	info, err := s.nats.Jsz(&server.JSzOptions{Accounts: true, Streams: true, Config: true})
	if err != nil || info.Disabled {
		return nil // it is closing, or has given its store up: Healthz tells
	}
	streams := make(map[string]reach)
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			r := reach{
				Created: stream.Created, First: stream.State.FirstSeq, Begins: stream.State.FirstTime,
				Last: stream.State.LastSeq, Ends: stream.State.LastTime, Messages: stream.State.Msgs,
			}
			if stream.Config != nil {
				r.MaxAge, r.Async = stream.Config.MaxAge, stream.Config.PersistMode == server.AsyncPersistMode
			}
			streams[stream.Name] = r
		}
	}
	return streams
}

// mark notes how far the streams go; nil: as noted before. It writes a new file
// each time, because to write over an old one takes no space on a full disk.
func (s *store) mark(streams map[string]reach, write func(path string, data []byte, mode fs.FileMode) error) error {
	path, next := filepath.Join(s.dir, markName), filepath.Join(s.dir, "presenced.probe")
	defer os.Remove(next)
	text, err := json.Marshal(streams)
	if err != nil {
		return fmt.Errorf("write mark of store %s: %w", s.dir, err)
	}
	page := make([]byte, max(4096, len(text)+1)) // so that it takes a block
	for i := copy(page, text); i < len(page); i++ {
		page[i] = '\n'
	}
	if err := write(next, page, 0o600); err != nil {
		return storeError("write to store", next, err)
	}
	f, err := os.Open(next)
	if err != nil {
		return storeError("write to store", next, err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return storeError("sync store", next, err)
	}
	forget(f) // so that the disk is asked, whose reads may fail alone
	if _, err := io.Copy(io.Discard, f); err != nil {
		return storeError("read from store", next, err)
	}
	if streams == nil {
		return nil
	}
	if err := os.Rename(next, path); err != nil {
		return storeError("write to store", path, err)
	}
	return nil
}

// marked is how far the streams went as of the last mark; nothing if there is none.
func (s *store) marked() (map[string]reach, error) {
	path := filepath.Join(s.dir, markName)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, storeError("read", path, err)
	}
	var streams map[string]reach
	if err := json.Unmarshal(text, &streams); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return streams, nil
}

// blocks is which streams have messages on disk, whether the server took them up or
// not.
func (s *store) blocks() map[string]bool {
	have := make(map[string]bool)
	paths, _ := fs.Glob(os.DirFS(s.dir), "jetstream/*/streams/*/msgs/*.blk")
	for _, path := range paths {
		have[strings.Split(path, "/")[3]] = true
	}
	return have
}

// unmarked stands for a mark that cannot be read. It was written whole, so that the
// disk is damaged, and whatever is synced may have lost anything.
func unmarked(is map[string]reach, blocks map[string]bool, now time.Time) map[string]reach {
	was := make(map[string]reach)
	lost := reach{Loss: &loss{Messages: unknown, At: now}}
	for name := range blocks {
		if !is[name].Async {
			was[name] = lost
		}
	}
	for name, r := range is { // one whose blocks are gone
		if !r.Async {
			was[name] = lost
		}
	}
	return was
}

// compare finds what the streams have lost since the mark, and notes it on disk
// before anything is written that would make up for it. The stream that was in doubt
// has lost something in any case. A stream that the server did not take up has lost
// nothing yet if its messages are there: whoever creates it again finds them.
func (s *Server) compare(doubted string, log *zap.Logger) error {
	was, err := s.store.marked()
	is, blocks, now := s.reached(), s.store.blocks(), time.Now()
	if err != nil {
		log.Error("the mark of the store cannot be read: whatever its streams lost is not known, and everything is doubted", zap.Error(err))
		was = unmarked(is, blocks, now)
	}
	losses, away, news := make(map[string]loss), make(map[string]reach), err != nil
	for _, name := range slices.Sorted(maps.Keys(was)) {
		r, streams := was[name], is
		if _, there := is[name]; !there && !r.Created.IsZero() && name != doubted && blocks[name] {
			r.Away = true
			was[name], away[name] = r, r
			streams, news = away, true // as if it had not changed
		}
		all, fresh := r.since(name, streams, now, name == doubted, log)
		if all.Messages > 0 {
			losses[name] = all
		}
		news = news || fresh
	}
	s.mu.Lock()
	s.losses, s.away = losses, away
	s.mu.Unlock()
	if !news {
		return nil
	}
	return s.store.mark(s.noted(was), os.WriteFile)
}
