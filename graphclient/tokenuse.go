package graphclient

import (
	"errors"
	"time"

	"golang.org/x/time/rate"

	"presenced/presence"
)

// tokenUse is what became of the token at hand, and of the one before.
type tokenUse struct {
	worked   bool          // Graph took this one at least once
	refused  bool          // Graph refused the one before, and took none since
	renewals *rate.Limiter // of tokens that were refused: five at once, then one a minute
}

func newTokenUse() tokenUse {
	return tokenUse{renewals: rate.NewLimiter(rate.Every(time.Minute), 5)}
}

// accepted says that Graph took a token.
func (t *Tokens) accepted(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.use.worked || t.token == nil || t.token() != token {
		return
	}
	t.use.worked, t.use.refused = true, false
	t.late.Reset()
}

// Drop forgets a token that Graph refused, so that a new one is asked for. One
// that had worked before may have been revoked: the next will do. But when Graph
// refuses two in a row of which it took neither, a person has to act, and nothing
// is asked for some minutes.
func (t *Tokens) Drop(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == nil || t.token() != token {
		return // somebody else dropped it before
	}
	now, again := time.Now(), t.use.refused && !t.use.worked
	t.token = nil
	t.use.worked, t.use.refused = false, true
	wait := t.use.renewals.ReserveN(now, 1).DelayFrom(now)
	switch {
	case again:
		t.retry = now.Add(max(wait, t.late.NextBackOff()))
		t.failure = &TokenError{
			Cause:  presence.CauseUnauthorized,
			err:    errors.New("a new token was refused by Graph"),
			Advice: "does graph_url belong to the directory's cloud, and is the app enabled?",
		}
	case wait > 0:
		t.retry = now.Add(wait)
		t.failure = &TokenError{
			Cause: presence.CauseUnreachable,
			err:   errors.New("tokens are taken by Graph and refused soon after, too often to ask for another now"),
		}
	}
}

// hopeless reports whether Graph refused a new token, so that another one will
// not help.
func (t *Tokens) hopeless() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	var failure *TokenError
	return t.token == nil && time.Now().Before(t.retry) && errors.As(t.failure, &failure) && failure.Cause == presence.CauseUnauthorized
}
