package graphclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"presenced/presence"
)

const (
	// loopPause is the least wait after Entra complained that we ask too often.
	loopPause = 5 * time.Minute
	// lastUse is how long before its end a token is still sent.
	lastUse = 10 * time.Second
)

// Tokens keeps one access token and renews it before it ends. Callers share one
// request to Entra, and its failure too: until its back-off is over, nobody asks
// again. It is safe for concurrent use.
type Tokens struct {
	redacted
	cfg    TokensConfig
	cred   Credential
	client *http.Client
	log    *zap.Logger
	flight singleflight.Group

	mu      sync.Mutex // guards what follows
	token   hidden     // nil: there is none
	renew   time.Time  // from then on a new one is wanted
	ends    time.Time
	failure error     // of the newest request
	retry   time.Time // nobody asks before
	soon    growth
	late    growth
	use     tokenUse
}

// NewTokens asks for nothing yet. A configuration that cannot work is the error
// of every [Tokens.Token].
func NewTokens(cfg TokensConfig, cred Credential) *Tokens {
	t := &Tokens{
		cfg: cfg, cred: cred, client: tokenClient(cfg.Transport), log: cfg.Log,
		soon: growing(time.Second, time.Minute, cfg.Random), late: growing(time.Minute, maxRetryAfter, cfg.Random), use: newTokenUse(),
	}
	if t.log == nil {
		t.log = zap.NewNop()
	}
	return t
}

// tokenClient never follows a redirect: 307 and 308 would repeat the secret to
// another host.
func tokenClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = NewTransport()
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       totalTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Token gives a token that can be used now. While the old one is good its renewal
// happens in the background. Errors are *[TokenError], or ctx's own.
func (t *Tokens) Token(ctx context.Context) (string, error) {
	for {
		token, wanted, err := t.known(time.Now())
		if !wanted {
			return token, err
		}
		// The request does not end with ctx: others wait for it, and a token
		// belongs to no single caller. The HTTP client's time limit ends it.
		done := t.flight.DoChan("", func() (any, error) {
			t.fetch(context.Background())
			return nil, nil
		})
		if token != "" {
			return token, nil
		}
		select {
		case <-done:
		case <-ctx.Done():
			return "", fmt.Errorf("wait for a token: %w", ctx.Err())
		}
	}
}

// known is what can be said without asking Entra, and whether to ask.
func (t *Tokens) known(now time.Time) (token string, wanted bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	good := t.token != nil && now.Before(t.ends)
	paused := now.Before(t.retry)
	switch {
	case good && (paused || now.Before(t.renew)):
		return t.token(), false, nil
	case good:
		return t.token(), true, nil
	case paused:
		return "", false, t.failure
	}
	return "", true, nil
}

// fetch asks Entra once and remembers the outcome.
func (t *Tokens) fetch(ctx context.Context) {
	if _, wanted, _ := t.known(time.Now()); !wanted {
		return // another request ended between the caller's look and this one
	}
	started := time.Now()
	var secrets []string
	answer, err := t.ask(context.WithValue(ctx, oauth2.HTTPClient, t.client), func(s string) { secrets = append(secrets, s) })
	if err != nil {
		t.failed(newTokenError(err, secrets))
		return
	}
	life, err := lifetime(answer, time.Now(), secrets...)
	if err != nil {
		t.failed(&TokenError{Cause: presence.CauseUnreachable, err: fmt.Errorf("use the token answer: %w", err)})
		return
	}
	ends := started.Add(life - min(lastUse, life/2))
	if !time.Now().Before(ends) { // or callers would ask again and again
		t.failed(&TokenError{Cause: presence.CauseUnreachable, err: fmt.Errorf("use the token answer: the token lives %v, less than it took to get it", life)})
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.failure, t.retry = hide(answer.AccessToken), nil, time.Time{}
	t.renew, t.ends = started.Add(renewAfter(life)), ends
	t.soon.Reset()
	t.use.worked = false
	if !t.use.refused { // else this one may be refused again
		t.late.Reset()
	}
}

func (t *Tokens) ask(ctx context.Context, hide func(string)) (*oauth2.Token, error) {
	if err := t.cfg.Check(); err != nil {
		return nil, err
	}
	if t.cred == nil {
		return nil, errors.New("no credential is configured")
	}
	return t.cred.fetch(ctx, t.cfg, hide)
}

// failed remembers a failure and when to try again: after minutes where a person
// has to act, so that nothing is locked out.
func (t *Tokens) failed(e *TokenError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	grow := t.soon
	if e.Cause == presence.CauseUnauthorized && e.Status != 0 {
		grow = t.late
	}
	pause := max(grow.NextBackOff(), e.RetryAfter)
	if e.loops() {
		pause = max(pause, loopPause)
	}
	pause = min(pause, maxRetryAfter)
	t.failure, t.retry = e, time.Now().Add(pause)
	if t.token != nil && time.Now().Before(t.ends) { // nobody else will hear of it
		t.log.Warn("renew token", zap.Error(e), zap.Int64("retry_after_ms", pause.Milliseconds()))
	}
}

// Expiry is the end of the token at hand; zero: there is none.
func (t *Tokens) Expiry() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == nil {
		return time.Time{}
	}
	return t.ends
}
