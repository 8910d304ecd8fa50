package graphsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Tenants returns the registered apps with every default filled in. The ids, client ids and secrets among them are what
// a client has to be configured with.
func (s *Server) Tenants() []TenantConfig { return slices.Clone(s.cfg.Tenants) }

// UserIDs returns the ids of all users who were not removed, in the order of Config.Tenants.
func (s *Server) UserIDs() []string {
	users := s.people.users("")
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	return ids
}

// Users returns the users of a tenant who were not removed, in a stable order. Empty: of all tenants.
func (s *Server) Users(tenantID string) []User { return s.people.users(strings.ToLower(tenantID)) }

// Presence returns what a user is now. The boolean is false for ids that nobody has.
func (s *Server) Presence(id string) (Presence, bool) {
	found, known := s.people.look("", []string{id})
	return found[0], known[0]
}

// SetPresence makes a user be something from now on, any two words. Both empty: back to the model.
// The error says that there is no such user or that only one word is empty.
func (s *Server) SetPresence(id, availability, activity string) error {
	return s.Apply(Step{User: id, Availability: availability, Activity: activity})
}

// RemoveUser deletes a user from the directory for good: PresenceUnknown, or left out, see [Modes].
// The error says that there is no such user.
func (s *Server) RemoveUser(id string) error { return s.Apply(Step{User: id, Remove: true}) }

// Apply makes a step happen now; its At is ignored. The error says what is wrong with it.
func (s *Server) Apply(step Step) error {
	if err := step.validate(); err != nil {
		return fmt.Errorf("setting a presence: %w", err)
	}
	return s.people.set(step)
}

// Inject adds a fault, behind those that are there. The error says what is wrong with it.
func (s *Server) Inject(f Fault) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("injecting a fault: %w", err)
	}
	s.faults.inject(f)
	return nil
}

// Heal ends all faults.
func (s *Server) Heal() { s.faults.clear() }

// Faults returns what became of the faults injected since the last Heal.
func (s *Server) Faults() []FaultState { return s.faults.states() }

// Freeze stops the simulated clock, so that nobody's presence changes by itself, or lets it go on.
func (s *Server) Freeze(frozen bool) { s.people.turn(&frozen, 0) }

// Advance jumps forward in simulated time, also while frozen. There is no way back: negative jumps do nothing.
func (s *Server) Advance(d time.Duration) { s.people.turn(nil, d) }

// Simulated returns the simulated time.
func (s *Server) Simulated() time.Time {
	now, _ := s.people.simulated()
	return now
}

// Served returns, by lower-case user id, what every user was shown to be, in the order of the answers. Only answers
// count that were written whole, and of those only what they said about users who were asked for. An answer is on
// record before the client can see its end.
func (s *Server) Served() map[string][]Run { return s.served.all() }
