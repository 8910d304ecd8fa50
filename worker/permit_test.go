package worker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"presenced/presence"
)

// silenced is a journal that stores its second batch and loses the reply, and is cut
// off from then on.
type silenced struct {
	*fakeJournal
	batches int
}

func (j *silenced) Append(ctx context.Context, b presence.Batch) error {
	if j.batches++; j.batches > 2 {
		return errAway
	}
	if err := j.fakeJournal.Append(ctx, b); err != nil || j.batches < 2 {
		return err
	}
	return errors.New("the reply is lost")
}

// halving is a source whose last chunk takes twenty requests, as one does that is
// refused and taken apart.
type halving struct {
	*metered
	last presence.UserID
}

func (s *halving) Presences(ctx context.Context, ids []presence.UserID) ([]presence.Answer, error) {
	answers, err := s.metered.Presences(ctx, ids)
	for n := 1; n < 20 && ids[0] == s.last && err == nil; n++ {
		answers, err = s.metered.Presences(ctx, ids)
	}
	return answers, err
}

// What is on record is what a successor counts. An owner that was permitted more
// before sends no more than that, though it has not heard that the record stands.
func TestTheRecordBindsBeforeItsAck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, seen := limited(t, 16, 60)
		inner := w.limit
		w.limit = func() {
			inner()
			w.realSource = &halving{w.realSource.(*metered), w.config.Users[15]}
		}
		w.schedule("@every 1m")
		w.source.delay = 2500 * time.Millisecond
		w.startOn(&silenced{fakeJournal: w.journal})
		w.after(30 * time.Second)
		onRecord := w.owner().Ledger
		if sent := len(seen.all()); uint64(sent) > onRecord.Sent+uint64(onRecord.Reserved) || sent <= int(onRecord.Sent) {
			t.Errorf("%d requests left; on record are %d, and %d that may follow", sent, onRecord.Sent, onRecord.Reserved)
		}
		w.stop()
	})
}

// Somebody removes the owner message while another replica watches: what the owner
// had asked, and may ask yet, is not known any more, and counts as all of the limit.
func TestRemovedOwnerMessageCostsTheWholeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, seen := limited(t, 120, 60)
		w.schedule("@every 30s")
		w.source.delay = 200 * time.Millisecond
		w.start()
		w.after(5 * time.Minute)
		stopFirst := w.stop
		w.restart("b")
		w.after(5 * time.Second)
		w.model.mu.Lock()
		w.model.owner = presence.Owner{}
		w.model.mu.Unlock()
		removed := time.Now()
		w.after(3 * time.Minute)
		if n := seen.most(); n > 60 {
			t.Errorf("%d requests in 30 s, want 60 at most", n)
		}
		if seen.since(removed.Add(2 * time.Minute)).IsZero() {
			t.Error("nobody is asked for any more")
		}
		w.stop()
		stopFirst()
	})
}
