package graphsim

import (
	"sync"
	"time"
)

// limiter counts arrivals and refuses those over the limit. It is also the referee: every arrival counts, the refused
// ones too, and the fullest window is remembered. It is safe for concurrent use.
type limiter struct {
	cfg Config

	mu     sync.Mutex // guards all below; held while the clock is read, so that arrivals are in order
	apps   map[appID]*appTraffic
	global map[string]*window // by client id: one app in all tenants
}

// appID is the unit of Graph's limits: an app in a tenant.
type appID struct{ tenant, client string }

// appTraffic is the traffic of one app in one tenant.
type appTraffic struct {
	presence  window
	arrivals  int
	throttled int
	units     unitBucket
}

func newLimiter(cfg Config) *limiter {
	return &limiter{cfg: cfg, apps: map[appID]*appTraffic{}, global: map[string]*window{}}
}

// arrive counts a presence request. It returns how long Graph would ask to wait, zero if the request may pass.
func (l *limiter) arrive(id appID) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	app := l.app(id)
	app.arrivals++
	app.presence.arrive(now, l.cfg.Per)
	wait := max(app.presence.wait(now, l.cfg.Per, l.cfg.Limit), l.arriveGlobal(id.client, now))
	if wait > 0 {
		app.throttled++
	}
	return wait
}

// arriveGlobal counts a request against the limit of the app over all tenants. The mutex is held.
func (l *limiter) arriveGlobal(client string, now time.Time) time.Duration {
	const per = 10 * time.Second
	w := l.global[client]
	if w == nil {
		w = &window{}
		l.global[client] = w
	}
	w.arrive(now, per)
	return w.wait(now, per, l.cfg.GlobalLimit)
}

// app returns the traffic of an app, made on first sight. The mutex is held.
func (l *limiter) app(id appID) *appTraffic {
	app := l.apps[id]
	if app == nil {
		app = &appTraffic{}
		l.apps[id] = app
	}
	return app
}

// window is a sliding window over arrivals: those in (now-per, now].
type window struct {
	arrivals []time.Time // in order, only those still inside
	most     int
}

// arrive adds an arrival. A clock that steps back is taken to stand still, so that order is kept.
func (w *window) arrive(now time.Time, per time.Duration) {
	if n := len(w.arrivals); n > 0 && now.Before(w.arrivals[n-1]) {
		now = w.arrivals[n-1]
	}
	w.forget(now, per)
	w.arrivals = append(w.arrivals, now)
	// A fullest window can always be slid until an arrival is its last moment, so looking at arrivals is exact.
	w.most = max(w.most, len(w.arrivals))
}

// forget drops the arrivals that slid out.
func (w *window) forget(now time.Time, per time.Duration) {
	for len(w.arrivals) > 0 && now.Sub(w.arrivals[0]) >= per {
		w.arrivals = w.arrivals[1:]
	}
}

// wait returns how long it takes until one more arrival fits under limit, zero if the last one did.
func (w *window) wait(now time.Time, per time.Duration, limit int) time.Duration {
	if len(w.arrivals) <= limit {
		return 0
	}
	return max(w.arrivals[len(w.arrivals)-limit].Add(per).Sub(now), time.Nanosecond)
}
