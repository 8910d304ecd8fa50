package graphsim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Everyone is the name of the group that holds the whole tenant. The other groups are the departments.
const Everyone = "Everyone"

// GroupID returns the object id of a group: Everyone or a [User.Department]. Any other name is the id of no group.
func (s *Server) GroupID(tenantID, name string) string {
	return groupID(s.cfg.Seed, strings.ToLower(tenantID), name)
}

func groupID(seed uint64, tenantID, name string) string {
	return derivedGUID(seed, tenantID, "group", name)
}

// groupName is the inverse of groupID; false if there is no such group.
func (s *Server) groupName(tenantID, id string) (string, bool) {
	for _, name := range append(departments(), Everyone) {
		if strings.EqualFold(groupID(s.cfg.Seed, tenantID, name), id) {
			return name, true
		}
	}
	return "", false
}

// membersQuery is what a request for group members asks for.
type membersQuery struct {
	selected []string
	top      int
	skip     int  // from the skip token: the position to go on from
	pause    bool // from the skip token: an empty page comes first
	count    bool
	cast     string
}

// parseMembersQuery reads the query options of a group request.
func parseMembersQuery(r *http.Request, cast string) (membersQuery, *refusal) {
	options := r.URL.Query()
	q := membersQuery{cast: cast, count: options.Get("$count") == "true"}
	if cast == castUsers && !(strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual") && q.count) {
		return q, &refusal{status: http.StatusBadRequest, code: "Request_UnsupportedQuery",
			message: "Casting to another type needs the header ConsistencyLevel: eventual and $count=true."}
	}
	var no *refusal
	if q.selected, no = parseSelect(options.Get("$select")); no != nil {
		return q, no
	}
	if q.top, no = parseTop(options.Get("$top")); no != nil {
		return q, no
	}
	q.skip, q.pause, no = parseSkipToken(options.Get("$skiptoken"))
	return q, no
}

// A skip token is the position to go on from; a p in front stands for an empty page first.
const pauseMark = "p"

func parseSkipToken(text string) (skip int, pause bool, no *refusal) {
	if text == "" {
		return 0, false, nil
	}
	digits, pause := strings.CutPrefix(text, pauseMark)
	skip, err := strconv.Atoi(digits)
	if err != nil || skip < 0 || digits != strconv.Itoa(skip) {
		return 0, false, &refusal{status: http.StatusBadRequest, code: "Directory_ExpiredPageToken",
			message: "The specified page token value has expired and cannot be included in your request."}
	}
	return skip, pause, nil
}

// membersPage is a page of directory objects.
type membersPage struct {
	Context  string           `json:"@odata.context"`
	Count    *int             `json:"@odata.count,omitempty"`
	NextLink string           `json:"@odata.nextLink,omitempty"`
	Value    []map[string]any `json:"value"`
}

// serveGroup answers GET /groups/{id}/transitiveMembers, with or without the cast to users.
func (s *Server) serveGroup(a *reply, t target, who accessClaims) {
	fault := s.faults.take(t, a.r.URL.Path, who.TenantID, nil)
	if s.instead(a, fault) {
		return
	}
	q, no := parseMembersQuery(a.r, t.cast)
	if no != nil {
		a.refuse(no)
		return
	}
	if !s.spend(a, who, units(5, len(q.selected) > 0, q.top)) {
		return
	}
	name, ok := s.groupName(who.TenantID, t.argument)
	if !ok {
		a.fail(http.StatusNotFound, "Request_ResourceNotFound",
			fmt.Sprintf("Resource '%s' does not exist or one of its queried reference-property objects are not present.", t.argument))
		return
	}
	page := s.page(q, s.members(who.TenantID, name, q.cast), a.r)
	_ = s.deliver(a, fault, encode(page)) // the client may be gone; there is nobody to tell
}

// member is one directory object in a group: a user, a nested group, or nothing any more.
type member struct {
	user  User
	group string
}

func (m member) gone() bool { return m.user.ID == "" && m.group == "" }

// members returns who is in a group. Everyone holds the department groups as well, which the cast leaves out. Positions
// stay: a page fetched after somebody was removed must not skip somebody else.
func (s *Server) members(tenantID, name, cast string) []member {
	var list []member
	if name == Everyone && cast == allMembers {
		for _, department := range departments() {
			list = append(list, member{group: department})
		}
	}
	for _, u := range s.people.everybody(tenantID) {
		if name == Everyone || u.Department == name || u.ID == "" {
			list = append(list, member{user: u})
		}
	}
	return list
}

// page cuts one page out of the members and links to the next.
func (s *Server) page(q membersQuery, members []member, r *http.Request) membersPage {
	page := membersPage{Context: origin(r) + "/v1.0/$metadata#users", Value: []map[string]any{}}
	if q.cast == allMembers {
		page.Context = origin(r) + "/v1.0/$metadata#directoryObjects"
	}
	if q.count {
		page.Count = count(members)
	}
	if q.pause {
		page.NextLink = nextLink(r, strconv.Itoa(q.skip))
		return page
	}
	next := min(q.skip, len(members))
	for ; next < len(members) && len(page.Value) < q.top; next++ {
		if !members[next].gone() {
			page.Value = append(page.Value, s.memberRecord(members[next], q))
		}
	}
	if next < len(members) {
		mark := ""
		if s.cfg.Modes.EmptyPages {
			mark = pauseMark
		}
		page.NextLink = nextLink(r, mark+strconv.Itoa(next))
	}
	return page
}

func count(members []member) *int {
	n := 0
	for _, m := range members {
		if !m.gone() {
			n++
		}
	}
	return &n
}

func (s *Server) memberRecord(m member, q membersQuery) map[string]any {
	if m.group != "" {
		return map[string]any{"@odata.type": "#microsoft.graph.group", "id": derivedGUID(s.cfg.Seed, "nested", m.group), "displayName": m.group}
	}
	record := m.user.record(q.selected)
	if q.cast == allMembers {
		record["@odata.type"] = "#microsoft.graph.user"
	}
	return record
}

// nextLink is the request's own address with another skip token.
func nextLink(r *http.Request, token string) string {
	options := r.URL.Query()
	options.Set("$skiptoken", token)
	return origin(r) + r.URL.EscapedPath() + "?" + options.Encode()
}
