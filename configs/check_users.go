package configs

import (
	"fmt"
	"path/filepath"
	"strings"
)

// users makes the roster of a tenant.
func (c *check) users(key string, t *Tenant, all *rosters) {
	u, at := &t.Users, key+".users"
	if c.refused[at] {
		return
	}
	c.exclude(at+".exclude", u.Exclude)
	c.upns(at+".upns", u.UPNs)
	c.groups(at+".groups", u.Groups)
	number := tenantNumber(key)
	ids := c.listedIDs(at+".ids", u.IDs, number, all)
	for i := range u.Files {
		ids = c.file(element(at+".files", i), &u.Files[i], number, ids, all)
	}
	t.Roster = without(ids, u.Exclude)
	resolved := len(u.UPNs) + len(u.Groups)
	switch {
	case len(t.Roster)+resolved == 0 && len(ids) > 0:
		c.refuse(at, &fault{got: "nobody: every user is excluded", want: "at least one user", mend: "shorten users.exclude"})
	case len(t.Roster)+resolved == 0:
		c.missing(at, "at least one user", "list users.ids, users.upns, users.groups or users.files")
	case t.Endpoint == "me" && (resolved > 0 || len(t.Roster) != 1) && !c.touched[at]:
		c.refuse(at, &fault{got: fmt.Sprintf("%d users with endpoint me", len(t.Roster)+resolved), want: "the object id of the person who signs in, and no other", mend: "list one id under users.ids"})
	}
	c.pace(key, t)
}

func tenantNumber(key string) int32 {
	var n int32
	_, _ = fmt.Sscanf(key, "tenants[%d]", &n)
	return n
}

// listedIDs checks the ids in the configuration and makes them lower case in place.
func (c *check) listedIDs(key string, ids []string, tenant int32, all *rosters) []string {
	good := make([]string, 0, len(ids))
	for i, text := range ids {
		at := element(key, i)
		id := strings.ToLower(text)
		if c.refused[at] {
			continue
		}
		if !isGUID(id) {
			c.refuse(at, badID(text))
			continue
		}
		ids[i] = id
		if x := c.register(all, id, spot{tenant: tenant, line: int32(i)}); x != nil {
			c.refuse(at, x)
			continue
		}
		good = append(good, id)
	}
	return good
}

// file adds the ids in a file to ids.
func (c *check) file(key string, path *string, tenant int32, ids []string, all *rosters) []string {
	if c.refused[key] || !c.path(key, path) {
		return ids
	}
	if strings.TrimSpace(*path) == "" {
		c.refuse(key, &fault{got: "an empty text", want: "the path of a file", mend: "remove it"})
		return ids
	}
	before := len(ids)
	faults := lines(*path, func(text string, line int) (x *fault, more bool) {
		id := strings.ToLower(text)
		if !isGUID(id) {
			return badID(text), true
		}
		if len(ids) == maxRoster {
			return &fault{got: "one user more than the limit", want: fmt.Sprintf("at most %d users in one tenant", maxRoster), mend: "split them over several app registrations; the rest was not read"}, false
		}
		if x := c.register(all, id, spot{*path, tenant, int32(line)}); x != nil {
			return x, true
		}
		ids = append(ids, id)
		return nil, true
	})
	for line, x := range faults {
		if line == 0 {
			x.got += shownPath(*path)
			c.refuse(key, x)
			continue
		}
		c.blame(key)
		c.add(Problem{File: *path, Line: line, Key: key, Got: x.got, Want: x.want, Mend: x.mend, Err: x.cause})
	}
	if len(ids) == before && len(faults) == 0 {
		c.refuse(key, &fault{got: "a file without a user id", want: "one user id on each line", mend: "write them, or remove the file from the list"})
	}
	return ids
}

// shownPath shows a path after a fault, unless it may be a secret in the wrong place.
func shownPath(path string) string {
	suspect := !short(path) && filepath.Ext(path) == "" || strings.Contains(path, ":")
	for _, name := range strings.Split(path, string(filepath.Separator)) {
		suspect = suspect || !short(name)
	}
	if suspect {
		return ""
	}
	return ": " + whole(path)
}

// register notes where an id stands, or says where it stood before.
func (c *check) register(all *rosters, id string, here spot) *fault {
	first, twice := all.seen[id]
	if !twice {
		all.seen[id] = here
		return nil
	}
	where := c.at(element(element("tenants", int(first.tenant))+".users.ids", int(first.line)))
	if first.file != "" {
		where = fmt.Sprintf("%s:%d", first.file, first.line)
	}
	return &fault{got: "a user again (the first is at " + where + ")", want: "each user once, in any case of letters", mend: "remove one"}
}

func (c *check) exclude(key string, ids []string) {
	seen := map[string]int{}
	for i, text := range ids {
		at := element(key, i)
		if ids[i] = strings.ToLower(text); !isGUID(ids[i]) {
			c.refuse(at, badID(text))
			continue
		}
		c.once(at, key, ids[i], i, seen)
	}
}

func (c *check) groups(key string, ids []string) {
	seen := map[string]int{}
	for i, text := range ids {
		at := element(key, i)
		if ids[i] = strings.ToLower(text); !isGUID(ids[i]) {
			c.refuse(at, &fault{got: quoted(text), want: "the object id of a group, a GUID", mend: "`az ad group show --group NAME --query id` prints it"})
			continue
		}
		c.once(at, key, ids[i], i, seen)
	}
}

// upns checks user principal names, which may hold '.-_!#^~ before the @
// (https://learn.microsoft.com/entra/identity/hybrid/connect/plan-connect-userprincipalname).
func (c *check) upns(key string, names []string) {
	seen := map[string]int{}
	for i, name := range names {
		at := element(key, i)
		local, domain, _ := strings.Cut(name, "@")
		if len(name) > 113 || !made(local, letters+digits+"'.-_!#^~+&") || !made(domain, letters+digits+".-") || !strings.Contains(domain, ".") {
			c.refuse(at, &fault{got: fmt.Sprintf("a text of %d characters that is no user principal name", len([]rune(name))), want: "a name such as anna@contoso.com", mend: "copy it from the user's page in Entra, or list the object id under users.ids"})
			continue
		}
		c.once(at, key, strings.ToLower(name), i, seen)
	}
}
