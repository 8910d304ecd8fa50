package natsembed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrStoreDamaged is a store that acknowledges what it does not keep. The server
// trusts the index of a stream where it is whole, and so what it cannot read stands
// in the way of what it writes until it is started without.
var ErrStoreDamaged = errors.New("store is damaged")

// doubtName is the file that names the stream in doubt.
const doubtName = "presenced.doubt"

// Doubt says that a stream was found not to keep what it acknowledged. From then on
// [Server.CheckStore] is [ErrStoreDamaged]. The next start has the server read the
// stream instead of its index, and cut it off at what cannot be read: that is a loss
// for [Server.Lost].
func (s *Server) Doubt(stream string) error {
	path := filepath.Join(s.store.dir, doubtName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return storeError("write to store", path, err)
	}
	_, err = f.WriteString(stream)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return storeError("write to store", path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubted = stream
	return nil
}

// doubtful is an error once a stream is in doubt.
func (s *Server) doubtful() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doubted == "" {
		return nil
	}
	return fmt.Errorf("%w: stream %s does not keep what it acknowledges; the next start reads it anew", ErrStoreDamaged, s.doubted)
}

// distrust takes the index away from the stream that was left in doubt, and returns
// its name; "" if there is none.
func (s *store) distrust() (stream string, err error) {
	path := filepath.Join(s.dir, doubtName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", storeError("read", path, err)
	}
	stream = string(text)
	if stream == "" || filepath.Base(stream) != stream { // it was not written to its end
		return "", nil
	}
	accounts, err := os.ReadDir(filepath.Join(s.dir, "jetstream"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", storeError("read", s.dir, err)
	}
	for _, account := range accounts {
		index := filepath.Join(s.dir, "jetstream", account.Name(), "streams", stream, "msgs", "index.db")
		if err := os.Remove(index); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", storeError("remove", index, err)
		}
	}
	return stream, nil
}

// trust ends the doubt: the server has read the stream, and what it lost is noted.
func (s *store) trust() { _ = os.Remove(filepath.Join(s.dir, doubtName)) } // else it is read once more
