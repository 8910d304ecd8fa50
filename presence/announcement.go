package presence

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Announcement is what a replica tells the others of itself. It is hearsay: it may
// be lost, late or forged, and nothing rests on it but how evenly tenants are
// spread. See docs/adr/0011-balance.md.
type Announcement struct {
	Replica string   `json:"replica"`
	Owned   []string `json:"owned,omitempty"`  // tenants that it polls
	Wanted  []string `json:"wanted,omitempty"` // tenants that it would poll, those that it does included; none: it leaves
}

// Bounds of an announcement. Nobody has so many tenants.
const (
	maxReplicaName = 512
	maxAnnounced   = 10_000
)

// ParseAnnouncement reads an announcement. It refuses what no replica sends; keys
// that a newer version may add are ignored.
func ParseAnnouncement(payload []byte) (Announcement, error) {
	var a Announcement
	if err := json.Unmarshal(payload, &a); err != nil {
		return Announcement{}, fmt.Errorf("parse announcement: %w", err)
	}
	if a.Replica == "" || len(a.Replica) > maxReplicaName {
		return Announcement{}, errors.New("parse announcement: replica is empty or too long")
	}
	for _, tenants := range [][]string{a.Owned, a.Wanted} {
		if len(tenants) > maxAnnounced || slices.ContainsFunc(tenants, func(t string) bool { return !IsTenant(t) }) {
			return Announcement{}, errors.New("parse announcement: want tenants, and not too many")
		}
	}
	return a, nil
}
