package worker

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// A tenant that panics starts over; so many panics in so short a time are a bug
// that starting over does not mend.
const (
	panicsAllowed = 2
	panicsWithin  = time.Minute
)

// panicked is a panic as an error. What was panicked with is told only if it is
// the runtime's own: anything else may hold an id, a presence or a secret.
type panicked struct{ what string }

func (p *panicked) Error() string { return "panic: " + p.what }

// catch, deferred, turns a panic into the error that the deferring function
// returns.
func (t *Tenant) catch(err *error) {
	value := recover()
	if value == nil {
		return
	}
	p := &panicked{what: fmt.Sprintf("a %T", value)}
	if e, ok := value.(runtime.Error); ok {
		p.what = e.Error()
	}
	t.log.Error("panic", zap.String("panic", p.what), zap.ByteString("stack", debug.Stack()))
	*err = p
}

// strikes are the moments of a tenant's panics.
type strikes []time.Time

// add counts one more; out if that is one too many.
func (s strikes) add(now time.Time) (all strikes, out bool) {
	all = append(s, now)
	if len(all) > panicsAllowed+1 {
		all = all[1:]
	}
	return all, len(all) > panicsAllowed && now.Sub(all[0]) < panicsWithin
}
