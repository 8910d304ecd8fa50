package graphsim

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// Stats is what the referee saw so far.
type Stats struct {
	// Requests is all Graph requests, refused ones too.
	Requests int `json:"requests"`
	// TokenRequests is all requests to the token service.
	TokenRequests int `json:"token_requests"`
	// Unauthorized is Graph requests answered 401 because of their token.
	Unauthorized int `json:"unauthorized"`
	// Throttled is presence requests over a limit.
	Throttled int `json:"throttled"`
	// MaxInWindow is the greatest number of presence requests of one app in one tenant that arrived in any half-open
	// window (t-Per, t], refused ones too. It is exact: taken from the time of every arrival.
	MaxInWindow int `json:"max_in_window"`
	// Apps has the same by app and tenant, ordered by tenant and client id.
	Apps []AppStats `json:"apps"`
}

// AppStats is what one app did in one tenant.
type AppStats struct {
	TenantID    string `json:"tenant_id"`
	ClientID    string `json:"client_id"`
	Arrivals    int    `json:"arrivals"` // presence requests, refused ones too
	Throttled   int    `json:"throttled"`
	InWindow    int    `json:"in_window"` // now
	MaxInWindow int    `json:"max_in_window"`
}

// counters are the figures that belong to no app.
type counters struct{ requests, tokenRequests, unauthorized atomic.Int64 }

// Stats can be called at any time.
func (s *Server) Stats() Stats {
	stats := Stats{
		Requests:      int(s.counters.requests.Load()),
		TokenRequests: int(s.counters.tokenRequests.Load()),
		Unauthorized:  int(s.counters.unauthorized.Load()),
		Apps:          s.limiter.stats(),
	}
	for _, app := range stats.Apps {
		stats.Throttled += app.Throttled
		stats.MaxInWindow = max(stats.MaxInWindow, app.MaxInWindow)
	}
	return stats
}

func (l *limiter) stats() []AppStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	list := make([]AppStats, 0, len(l.apps))
	for id, app := range l.apps {
		app.presence.forget(now, l.cfg.Per)
		list = append(list, AppStats{id.tenant, id.client, app.arrivals, app.throttled, len(app.presence.arrivals), app.presence.most})
	}
	slices.SortFunc(list, func(a, b AppStats) int {
		return cmp.Or(cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.ClientID, b.ClientID))
	})
	return list
}
