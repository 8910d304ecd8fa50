package graphclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"presenced/presence"
)

const (
	// maxTries bounds the attempts for one request.
	maxTries = 3
	// againAfter is the wait before another attempt after a broken one, doubled
	// each time.
	againAfter = 500 * time.Millisecond
)

// fetch gets one answer within the budget, in at most three attempts, and one more
// where the last one found the token refused. Its errors are *presence.BlindError;
// an *APIError is inside where Graph had a say.
func (c *Client) fetch(ctx context.Context, request call) (*reply, error) {
	var last *APIError
	renewed := false
	for try := 1; ; try++ {
		r, err := c.attempt(ctx, request, last)
		if err == nil {
			return r, nil
		}
		var ended *presence.BlindError
		if errors.As(err, &ended) {
			return nil, ended
		}
		errors.As(err, &last)
		more := try < maxTries
		again := more && last.throttles()
		switch {
		case last.Status == http.StatusUnauthorized: // the bearer dropped the token
			again = (more || !renewed) && !c.tokens.hopeless()
			renewed = true
		case last.again && more:
			again = sleep(ctx, c.jitter(againAfter<<(try-1)))
		}
		if !again {
			return nil, c.blind(last)
		}
		c.log.Warn("ask Graph again", zap.Int("status", last.Status), zap.String("code", last.Code),
			zap.String("request_id", last.RequestID), zap.Int64("retry_after_ms", last.RetryAfter.Milliseconds()))
	}
}

// blind gives the last refusal its cause. A refused token is a person's business
// only when a new one would be refused too.
func (c *Client) blind(last *APIError) *presence.BlindError {
	if last.Status == http.StatusUnauthorized && !c.tokens.hopeless() {
		return &presence.BlindError{Cause: presence.CauseUnreachable, Err: fmt.Errorf("a new token is asked for: %w", last)}
	}
	return blind(last, c.endpoint)
}

// attempt sends the request once, as soon as it may leave. last is the refusal
// before, if any. Its errors are *APIError where Graph had its say, and
// *presence.BlindError where nothing was sent.
func (c *Client) attempt(ctx context.Context, request call, last *APIError) (*reply, error) {
	// First the token: waiting for Entra must not take a place in the budget.
	if _, err := c.tokens.Token(ctx); err != nil {
		return nil, tokenBlind(after(err, last))
	}
	slot, err := c.budget.Admit(ctx)
	if err != nil {
		return nil, refusedBlind(err, last)
	}
	asked := time.Now()
	r, err := c.graph.send(ctx, request, slot.Permitted)
	var refusal *APIError
	errors.As(err, &refusal)
	switch {
	case err == nil, refusal != nil && refusal.Status != 0:
		slot.Done()
	case refusal != nil && refusal.givenUp():
		slot.GivenUp()
	default:
		slot.Unsure()
	}
	switch {
	case err == nil:
		c.pause.answered(asked)
	case errors.Is(err, ErrUnpermitted):
		return nil, refusedBlind(err, last)
	case refusal == nil:
		return nil, tokenBlind(after(err, last))
	case refusal.throttles():
		c.budget.Hold(c.pause.refused(asked, refusal.RetryAfter))
	}
	c.observer.Request(class(refusal))
	return r, err
}

// sleep pauses for d, or reports false at once when ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Now().Add(d).After(deadline) {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// jitter spreads d, so that broken requests do not come back together.
func (c *Client) jitter(d time.Duration) time.Duration {
	return time.Duration((0.5 + c.random()) * float64(d))
}

// tokenBlind explains that no request left for want of a token.
func tokenBlind(err error) *presence.BlindError {
	cause := presence.CauseUnreachable
	var token *TokenError
	if errors.As(err, &token) {
		cause = token.Cause
	}
	return &presence.BlindError{Cause: cause, Err: err}
}

// refusedBlind explains that the budget let no request leave. What Graph said
// before is the reason for it, if it said anything.
func refusedBlind(err error, last *APIError) *presence.BlindError {
	cause := presence.CauseUnreachable // ctx had ended before
	switch {
	case errors.Is(err, ErrThrottled):
		cause = presence.CauseThrottled
	case errors.Is(err, ErrUnpermitted):
		cause = presence.CauseNATS
	}
	return &presence.BlindError{Cause: cause, Err: after(err, last)}
}

// after adds what Graph said before; nil: nothing.
func after(err error, last *APIError) error {
	if last == nil {
		return err
	}
	return fmt.Errorf("%w, after %w", err, last)
}
