package configs

import (
	"fmt"
	"strings"
	"time"
)

const (
	// documentedRequests in documentedWindow is Microsoft's limit for each app and tenant
	// (https://learn.microsoft.com/graph/api/presence-get).
	documentedRequests = 1500
	documentedWindow   = 30 * time.Second
	// idsPerRequest is the most ids that one bulk request may hold
	// (https://learn.microsoft.com/graph/api/cloudcommunications-getpresencesbyuserid).
	idsPerRequest = 650
)

func (c *check) tenants(tenants []Tenant) {
	if len(tenants) == 0 {
		c.missing("tenants", "at least one tenant", "add one; presenced.example.yaml shows how")
	}
	rosters := newRosters()
	for i := range tenants {
		key := element("tenants", i)
		c.tenant(key, &tenants[i], len(tenants) == 1)
		c.users(key, &tenants[i], rosters)
		c.twins(key, tenants[:i], &tenants[i])
	}
}

func (c *check) tenant(key string, t *Tenant, only bool) {
	switch {
	case t.Name == "":
		c.missing(key+".name", "a short name for subjects", "write one, as contoso")
	case len(t.Name) > 32 || !made(t.Name, "abcdefghijklmnopqrstuvwxyz"+digits+"-"):
		c.refuse(key+".name", &fault{got: quoted(t.Name), want: "1 to 32 of a-z, 0-9 and -", mend: "it stands in every subject; write a short one, as contoso"})
	}
	c.id(key+".tenant_id", "the directory (tenant) id, a GUID", &t.TenantID)
	c.id(key+".client_id", "the application (client) id, a GUID", &t.ClientID)
	c.credential(key+".credential", &t.Credential)
	c.cloud(key+".cloud", t, only)
	c.endpoint(key, t)
	c.rate(key+".rate", t.Rate)
	c.schedules(key+".schedules", t.Schedules)
	bounded(c, key+".unknown_after", t.UnknownAfter, 1, 1000)
	seen := map[string]int{}
	for i, field := range t.Fields {
		at := element(key+".fields", i)
		c.oneOf(at, field, "status_message", "out_of_office", "work_location")
		c.once(at, key+".fields", field, i, seen)
	}
	c.unseen(key+".fields", t)
}

// once refuses the second of two equal elements of a list.
func (c *check) once(at, list, value string, i int, seen map[string]int) {
	if first, twice := seen[value]; twice {
		c.refuse(at, &fault{got: "the same again (the first is at " + c.at(element(list, first)) + ")", want: "each once", mend: "remove one"})
		return
	}
	seen[value] = i
}

// twins refuses two tenants of one name, and two of one app and directory: they would share one budget unknowingly.
func (c *check) twins(key string, before []Tenant, t *Tenant) {
	for i := range before {
		other := element("tenants", i)
		if t.Name != "" && before[i].Name == t.Name {
			c.refuse(key+".name", &fault{got: quoted(t.Name) + " again (the first is at " + c.at(other+".name") + ")", want: "a name of its own", mend: "rename one"})
		}
		if t.TenantID != "" && before[i].TenantID == t.TenantID && before[i].ClientID == t.ClientID {
			c.refuse(key+".tenant_id", &fault{got: "the directory and app of the tenant at " + c.at(other), want: "each pair of tenant_id and client_id once", mend: "join the two, or register a second app"})
		}
	}
}

// id checks a directory or application id and makes it lower case. It does not show a wrong one: a client secret is
// easily pasted here.
func (c *check) id(key, what string, id *string) {
	x := &fault{got: "a text that is no GUID", want: what, mend: "copy it from the overview of the app registration"}
	switch lower := strings.ToLower(*id); {
	case *id == "":
		c.missing(key, x.want, x.mend)
		return
	case lower == "common" || lower == "organizations" || lower == "consumers":
		x.got, x.mend = quoted(*id)+", which stands for many tenants", "an app signs in to one tenant; copy its id from the app registration"
	case strings.ContainsAny(*id, "<>{}$"):
		x.got, x.mend = "the text of a template", "replace it by the id from the app registration"
	case isGUID(lower) && strings.Trim(lower, "0-") == "":
		x.got, x.mend = "a GUID of zeros", "replace it by the id from the app registration"
	case isGUID(lower):
		*id = lower
		return
	}
	c.refuse(key, x)
}

// isGUID reports whether text is 8-4-4-4-12 lower-case hexadecimal digits.
func isGUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i := range len(text) {
		b := text[i]
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash {
			if b != '-' {
				return false
			}
		} else if !(b >= '0' && b <= '9' || b >= 'a' && b <= 'f') {
			return false
		}
	}
	return true
}

func (c *check) endpoint(key string, t *Tenant) {
	c.oneOf(key+".endpoint", t.Endpoint, "bulk", "user", "communications", "me")
	if kind := t.Credential.Kind(); t.Endpoint == "me" && kind != KindDeviceCode && kind != "" {
		c.refuse(key+".endpoint", &fault{got: `"me" with an app's credential`, want: "device_code: an app alone is nobody", mend: "set credential.device_code, or endpoint: bulk"})
	}
}

func (c *check) rate(key string, r Rate) {
	bounded(c, key+".per", r.Per, time.Second, time.Hour)
	bounded(c, key+".requests", r.Requests, 1, 1_000_000)
	if !(r.Share > 0 && r.Share <= 1) {
		c.refuse(key+".share", &fault{got: fmt.Sprintf("%.4g", r.Share), want: "a number above 0 and up to 1", mend: "0.8 leaves a fifth of the limit to other copies of the app"})
	}
	if r.Per < time.Second || r.Requests < 1 {
		return // their quotient says nothing
	}
	// A sliding window of 30 s can touch this many of ours, each with all its requests at one end.
	windows := int((documentedWindow + r.Per - 1) / r.Per)
	if most := documentedRequests / windows; r.Requests > most {
		c.refuse(key+".requests", &fault{
			got:  fmt.Sprintf("%d in %s", r.Requests, durationText(r.Per)),
			want: fmt.Sprintf("at most %d, because Microsoft documents 1500 requests in 30s for each app and tenant", most),
			mend: "lower it, or remove the key",
		})
	} else if r.Share > 0 && r.Budget() < 1 {
		c.refuse(key+".share", &fault{got: fmt.Sprintf("%v of %d requests, which is less than one", r.Share, r.Requests), want: "a budget of one request or more", mend: "raise requests or share"})
	}
}

func (c *check) schedules(key string, specs []string) {
	if len(specs) == 0 {
		c.missing(key, "at least one schedule", `write "@every 15s", or remove the key to keep this default`)
	}
	seen := map[string]int{}
	for i, spec := range specs {
		at := element(key, i)
		if strings.TrimSpace(spec) == "" {
			c.refuse(at, &fault{got: "an empty text", want: "a schedule", mend: `write "@every 15s" or "*/5 * * * *"`})
			continue
		}
		c.once(at, key, spec, i, seen)
		if c.schedule == nil {
			continue
		}
		if err := c.schedule(spec); err != nil {
			c.refuse(at, &fault{got: shownSchedule(spec, err), want: "a schedule", mend: `write "@every 15s" or "*/5 * * * *"`})
		}
	}
}

// shownSchedule shows a spec, and what is wrong with it, only if it looks like one: err repeats parts of it.
func shownSchedule(spec string, err error) string {
	const alphabet = letters + digits + " */,-?@#+=_"
	fields := strings.Contains(strings.TrimSpace(spec), " ") && strings.ContainsAny(spec, digits+"*")
	if strings.Trim(spec, alphabet) != "" || !short(spec) && !fields {
		return quoted(spec)
	}
	return whole(spec) + " (" + err.Error() + ")"
}
