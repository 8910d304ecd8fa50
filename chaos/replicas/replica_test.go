//go:build replicas

package replicas_test

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/trial"
)

// replica is one place of several at which `presenced run` runs, one life after the
// other.
type replica struct {
	number int

	mu    sync.Mutex // held by the fault at work on it
	lives []*life    // guarded by the rig's mutex
}

// life is one process of a replica, and all that it could talk to.
type life struct {
	*child
	name    string
	front   *front
	proxies []*proxy // one to each NATS server
	tap     *tap
	journal *trial.Journal
	termed  time.Time // when it was told to stop; zero: never
}

// begin starts the replica's next life.
func (r *rig) begin(t *testing.T, p *replica) *life {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	l := &life{name: fmt.Sprintf("replica %d life %d", p.number, len(p.lives)+1), journal: &trial.Journal{}}
	l.tap, l.front = newTap(l.name), startFront(t, r.graph)
	var urls []string
	for _, s := range r.nats.servers {
		proxy := startProxy(t, fmt.Sprintf("127.0.0.1:%d", s.port), l.tap)
		l.proxies, urls = append(l.proxies, proxy), append(urls, proxy.url())
	}
	path := r.tenants.configure(t, strings.ReplaceAll(l.name, " ", "-"), l.front.web.URL, strings.Join(urls, ","), len(r.nats.servers))
	cmd := exec.Command(presencedBinary, "run", "-c", path, "--http-listen", "127.0.0.1:0", "--log-format", "json")
	cmd.Stderr = l.journal
	l.child = startChild(t, cmd)
	p.lives = append(p.lives, l)
	return l
}

// now is the replica's newest life; nil: it had none.
func (r *rig) now(p *replica) *life {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(p.lives) == 0 {
		return nil
	}
	return p.lives[len(p.lives)-1]
}

// each calls fn for every life there was.
func (r *rig) each(fn func(*life)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.replicas {
		for _, l := range p.lives {
			fn(l)
		}
	}
}

// term is SIGTERM; false if it was not over in time.
func (r *rig) term(l *life) bool {
	r.mu.Lock()
	l.termed = time.Now()
	r.mu.Unlock()
	return l.stop(patience)
}

// owner is the replica whose newest life claimed the tenant last; nil: nobody's
// did.
func (r *rig) owner(tenant string) *replica {
	var owner *replica
	var newest time.Time
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.replicas {
		for i, l := range p.lives {
			if c, ok := l.tap.last(tenant); ok && c.at.After(newest) {
				newest, owner = c.at, nil
				if i == len(p.lives)-1 && !c.Released && !l.IsOver() {
					owner = p
				}
			}
		}
	}
	return owner
}
