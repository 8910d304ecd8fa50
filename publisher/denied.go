package publisher

import (
	"errors"
	"maps"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// userOnwards is a user's id, and what a subject has behind it: presence values.
var userOnwards = regexp.MustCompile(`[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}[^\s"']*`)

// hideUsers cuts every subject in the text off where a user's id begins: neither
// the id nor the presence behind it is for an error or a log. What is left, such as
// presence.contoso.user.>, is also what a right is granted to.
func hideUsers(text string) string { return userOnwards.ReplaceAllString(text, ">") }

// denial is the newest refusal of a permission. NATS tells it apart from the
// request that it refuses, which then just times out.
type denial struct {
	text string
	at   time.Time
}

// deniedWait is how long a refusal of a permission may come behind what it caused.
const deniedWait = 50 * time.Millisecond

// saidAgain is how long what was said of the connection is not said again.
const saidAgain = time.Minute

// deniedError is a missing right, named.
type deniedError struct{ text string }

func (e *deniedError) Error() string { return e.text + ": grant it to presenced's NATS user" }

// hear takes an error that NATS tells apart from what caused it. A batch without a
// right brings one for each message, so each text is logged once in a while. The
// client calls it for one error after the other.
func (c *Connection) hear(err error, now time.Time) {
	text := hideUsers(err.Error())
	maps.DeleteFunc(c.said, func(_ string, at time.Time) bool { return now.Sub(at) >= saidAgain })
	if _, said := c.said[text]; !said {
		c.said[text] = now
		c.log.Warn("nats connection", zap.String("error", text))
	}
	if errors.Is(err, nats.ErrPermissionViolation) { // who acts on it finds it in the log
		c.denied.Store(&denial{text: text, at: now})
	}
}

// deniedSince tells a permission error from a timeout; nil if it was none.
func (c *Connection) deniedSince(t time.Time) error {
	if d := c.denied.Load(); d != nil && !d.at.Before(t) {
		return &deniedError{text: d.text}
	}
	return nil
}

// LastError is what was last wrong with the connection, without users: it may be a
// refusal. NATS itself remembers it only if the server spoke, and else that there is
// none, now and then.
func (c *Connection) LastError() error {
	err := c.Conn.LastError()
	if cause := c.cause.Load(); cause != nil && (err == nil || errors.Is(err, nats.ErrNoServers)) {
		err = *cause
	}
	if err == nil {
		return nil
	}
	if text := hideUsers(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}
