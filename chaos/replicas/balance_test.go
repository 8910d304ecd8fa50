//go:build replicas

package replicas_test

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// TestBalance: three tenants spread evenly over the replicas there are, as one
// joins, another one joins, and one leaves. What was written meanwhile is judged
// like everything else.
func TestBalance(t *testing.T) {
	t.Parallel()
	var list []*tenant
	for _, name := range []string{"red", "green", "blue"} {
		list = append(list, &tenant{name: name, rate: "{requests: 300, per: 30s, share: 1}", allowed: 300, endpoint: "bulk", every: "1s"})
	}
	r := newRig(t, 1, 20, list...)
	r.join(t)
	r.direct = r.log(t)
	r.awaitSpread(t, 3)
	r.join(t)
	r.awaitSpread(t, 1, 2)
	third := r.join(t)
	r.awaitSpread(t, 1, 1, 1)
	if !r.term(r.now(third)) {
		t.Fatalf("still runs %v after SIGTERM", patience)
	}
	r.awaitSpread(t, 1, 2)
	r.settle(t, time.Now())
	r.each(func(l *life) { l.stop(patience) })
	r.conclude(t)
}

// awaitSpread waits until so many tenants are owned by one replica each, in
// ascending order.
func (r *rig) awaitSpread(t *testing.T, want ...int) {
	t.Helper()
	begin := time.Now()
	r.await(t, "tenants to spread", func() bool {
		owned := make(map[*replica]int)
		for _, n := range r.tenants.list {
			if owner := r.owner(n.name); owner != nil {
				owned[owner]++
			}
		}
		return slices.Equal(slices.Sorted(maps.Values(owned)), want)
	})
	t.Logf("tenants by replica are %v after %v", want, time.Since(begin).Round(time.Millisecond))
}
