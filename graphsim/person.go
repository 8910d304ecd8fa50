package graphsim

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// User is one simulated person as the directory knows it.
type User struct {
	// ID is the object id, a lower-case GUID.
	ID string
	// UserPrincipalName is unique in its tenant. That of a guest contains #EXT#.
	UserPrincipalName string
	// DisplayName is a made-up name.
	DisplayName string
	// Department is the name of one of the tenant's groups, of which the user is a member.
	Department string
	// TenantID is the directory the user lives in.
	TenantID string
	// Guest users have no presence of their own: PresenceUnknown.
	Guest bool
}

// traits is what makes one person's days differ from another's.
type traits struct {
	seed     uint64
	arrives  int32 // seconds after midnight
	works    int32 // seconds from arrival to leaving
	focus    int32 // seconds at the keyboard between two breaks, on average
	meetings int
	calls    int
	unknown  bool // no mailbox, or a guest
}

// draw makes the i-th person of a tenant. It is a pure function of its arguments.
func draw(seed uint64, tenant TenantConfig, i int) (User, traits) {
	position := fmt.Sprint(i)
	t := traits{seed: derivedSeed(seed, tenant.ID, "person", position)}
	rng := rand.New(rand.NewPCG(t.seed, 1))
	u := User{
		ID:         derivedGUID(seed, tenant.ID, "user", position),
		Department: departments()[rng.IntN(len(departments()))],
		TenantID:   tenant.ID,
		Guest:      rng.Float64() < 0.01,
	}
	first, last := firstNames()[rng.IntN(len(firstNames()))], lastNames()[rng.IntN(len(lastNames()))]
	u.DisplayName = first + " " + last
	u.UserPrincipalName = fmt.Sprintf("%s.%s%d@%s", strings.ToLower(first), strings.ToLower(last), i+1, tenant.Domain)
	if u.Guest {
		u.UserPrincipalName = fmt.Sprintf("%s.%s%d_partner.example#EXT#@%s", strings.ToLower(first), strings.ToLower(last), i+1, tenant.Domain)
	}
	t.unknown = u.Guest || rng.Float64() < 0.015
	t.arrives = 7*hour + 20*minute + rng.Int32N(150*minute)
	t.works = 8*hour + rng.Int32N(hour)
	if rng.Float64() < 0.1 {
		t.works = 4*hour + rng.Int32N(hour)
	}
	t.focus = 35*minute + rng.Int32N(60*minute)
	t.meetings, t.calls = habits(u.Department, rng)
	return u, t
}

func habits(department string, rng *rand.Rand) (meetings, calls int) {
	switch department {
	case "Sales", "Support":
		return 1 + rng.IntN(2), 4 + rng.IntN(5)
	case "Management":
		return 4 + rng.IntN(3), 1 + rng.IntN(3)
	default:
		return 1 + rng.IntN(4), 1 + rng.IntN(3)
	}
}

// awayOn reports whether the person is on leave that day. Leave comes in calendar weeks, and single days of illness.
func (t traits) awayOn(date int64) bool {
	if t.unknown {
		return false
	}
	weekOff := rand.New(rand.NewPCG(t.seed, 1<<32+uint64((date+3)/7))).Float64() < 0.04
	return weekOff || rand.New(rand.NewPCG(t.seed, 1<<33+uint64(date))).Float64() < 0.02
}

func departments() []string {
	return []string{"Sales", "Support", "Management", "Engineering", "Finance", "Logistics", "People", "Research"}
}

func firstNames() []string {
	return []string{"Ada", "Amir", "Anna", "Bela", "Carla", "Chidi", "Dana", "Diego", "Elif", "Emil", "Fatima", "Finn", "Grace",
		"Hana", "Hugo", "Ines", "Ivan", "Jana", "Jonas", "Kofi", "Lea", "Liam", "Lina", "Malik", "Mara", "Mei", "Milan", "Nadia",
		"Noah", "Olga", "Oskar", "Paula", "Priya", "Rosa", "Samir", "Sofia", "Theo", "Uma", "Vera", "Yusuf"}
}

func lastNames() []string {
	return []string{"Abebe", "Ahmed", "Bauer", "Berg", "Castro", "Chen", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia",
		"Haddad", "Horvat", "Ito", "Jansen", "Kaya", "Keller", "Khan", "Kowalski", "Larsen", "Lopez", "Maier", "Mensah", "Moreau",
		"Nagy", "Novak", "Okafor", "Olsen", "Patel", "Petrov", "Rossi", "Sato", "Schmid", "Silva", "Singh", "Tanaka", "Varga",
		"Weber", "Wong", "Yilmaz"}
}
