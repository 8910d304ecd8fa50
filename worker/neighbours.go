package worker

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"presenced/presence"
)

// neighbours are the other replicas, by name, as far as they were heard of lately.
type neighbours map[string]neighbour

type neighbour struct {
	owned  map[string]bool
	wanted map[string]bool
	heard  time.Duration // boot clock
}

// maxNeighbours bounds what somebody who makes names up can fill.
const maxNeighbours = 1000

// hear takes an announcement in and returns the tenants that the replica no longer
// owns. One that neither owns nor wants anything leaves.
func (n neighbours) hear(a presence.Announcement, now time.Duration) (vacated []string) {
	owned := setOf(a.Owned)
	for tenant := range n[a.Replica].owned {
		if !owned[tenant] {
			vacated = append(vacated, tenant)
		}
	}
	if len(a.Owned)+len(a.Wanted) == 0 {
		delete(n, a.Replica)
	} else if _, known := n[a.Replica]; known || len(n) < maxNeighbours {
		n[a.Replica] = neighbour{owned, setOf(a.Wanted), now}
	}
	return vacated
}

// forget drops who has not been heard of for so long.
func (n neighbours) forget(now, after time.Duration) {
	maps.DeleteFunc(n, func(_ string, other neighbour) bool { return now-other.heard > after })
}

// lighter reports whether a replica wants the tenant and owns fewer than count.
func (n neighbours) lighter(tenant string, count int) bool {
	for _, other := range n {
		if other.wanted[tenant] && len(other.owned) < count {
			return true
		}
	}
	return false
}

// surplus is the tenant of ours that a replica should have which owns at least two
// fewer: then both are nearer to even. Empty if there is none, or if it is somebody
// else's turn to give: of all who could, the one that owns most does.
func (n neighbours) surplus(replica string, owned []string) (tenant, taker string) {
	lightest := func(a, b string) int {
		return cmp.Or(cmp.Compare(len(n[a].owned), len(n[b].owned)), cmp.Compare(a, b))
	}
	for _, taker := range slices.SortedFunc(maps.Keys(n), lightest) {
		if len(n[taker].owned) > len(owned)-2 {
			break
		}
		give := slices.IndexFunc(owned, func(tenant string) bool { return n[taker].wanted[tenant] })
		if give >= 0 {
			if n.giver(taker, replica, len(owned)) != replica {
				break
			}
			return owned[give], taker
		}
	}
	return "", ""
}

// giver is the replica that owns most among those that own something the taker
// wants; replica with count is one of them.
func (n neighbours) giver(taker, replica string, count int) string {
	for name, other := range n {
		gives := slices.ContainsFunc(slices.Collect(maps.Keys(other.owned)), func(tenant string) bool { return n[taker].wanted[tenant] })
		if gives && cmp.Or(cmp.Compare(count, len(other.owned)), cmp.Compare(name, replica)) < 0 {
			replica, count = name, len(other.owned)
		}
	}
	return replica
}

func setOf(tenants []string) map[string]bool {
	set := make(map[string]bool, len(tenants))
	for _, t := range tenants {
		set[t] = true
	}
	return set
}
