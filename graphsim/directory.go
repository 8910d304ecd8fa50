package graphsim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultTop = 100
	maxTop     = 999
)

// serveUserRecord answers GET /users/{id or user principal name}.
func (s *Server) serveUserRecord(a *reply, t target, who accessClaims) {
	fault := s.faults.take(t, a.r.URL.Path, who.TenantID, nil)
	if s.instead(a, fault) {
		return
	}
	selected, no := parseSelect(a.r.URL.Query().Get("$select"))
	if no != nil {
		a.refuse(no)
		return
	}
	if !s.spend(a, who, units(1, len(selected) > 0, defaultTop)) {
		return
	}
	u, ok := s.people.user(who.TenantID, t.argument)
	if !ok {
		a.fail(http.StatusNotFound, "Request_ResourceNotFound",
			fmt.Sprintf("Resource '%s' does not exist or one of its queried reference-property objects are not present.", t.argument))
		return
	}
	record := u.record(selected)
	record["@odata.context"] = origin(a.r) + "/v1.0/$metadata#users/$entity"
	_ = s.deliver(a, fault, encode(record)) // the client may be gone; there is nobody to tell
}

// record is the user resource with the selected properties, the default ones if none are selected.
func (u User) record(selected []string) map[string]any {
	kind := "Member"
	if u.Guest {
		kind = "Guest"
	}
	given, family, _ := strings.Cut(u.DisplayName, " ")
	all := map[string]any{
		"id": u.ID, "userPrincipalName": u.UserPrincipalName, "displayName": u.DisplayName, "givenName": given, "surname": family,
		"mail": nil, "mobilePhone": nil, "officeLocation": nil, "preferredLanguage": nil, "jobTitle": nil, "businessPhones": []string{},
		"accountEnabled": true, "userType": kind, "department": u.Department,
	}
	if len(selected) == 0 {
		delete(all, "accountEnabled")
		delete(all, "userType")
		delete(all, "department")
		return all
	}
	record := map[string]any{}
	for _, name := range selected {
		record[name] = all[name]
	}
	return record
}

func properties() []string {
	return []string{"id", "userPrincipalName", "displayName", "givenName", "surname", "mail", "mobilePhone", "officeLocation",
		"preferredLanguage", "jobTitle", "businessPhones", "accountEnabled", "userType", "department"}
}

// parseSelect reads $select: property names separated by commas, matched without case.
func parseSelect(text string) ([]string, *refusal) {
	if text == "" {
		return nil, nil
	}
	var names []string
	for field := range strings.SplitSeq(text, ",") {
		field = strings.TrimSpace(field)
		i := slices.IndexFunc(properties(), func(p string) bool { return strings.EqualFold(p, field) })
		if i < 0 {
			return nil, badRequest(fmt.Sprintf("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.user'.", field))
		}
		names = append(names, properties()[i])
	}
	return names, nil
}

// parseTop reads $top: 1 to 999, 100 if absent.
func parseTop(text string) (int, *refusal) {
	if text == "" {
		return defaultTop, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, badRequest(fmt.Sprintf("Invalid value for '$top': '%s'.", text))
	}
	if n < 1 || n > maxTop {
		return 0, badRequest(fmt.Sprintf("Invalid page size specified: '%d'. Must be between 1 and %d inclusive.", n, maxTop))
	}
	return n, nil
}

// units is the documented price of a directory request
// (https://learn.microsoft.com/graph/throttling-limits, read 2026-11-23).
func units(base int, selects bool, top int) int {
	if selects {
		base--
	}
	if top < 20 {
		base--
	}
	return max(base, 1)
}

// spend charges a directory request, or refuses it. It reports whether the request may go on.
func (s *Server) spend(a *reply, who accessClaims, units int) bool {
	share, wait := s.limiter.spend(who.app(), units, s.people.size(who.TenantID))
	h := a.w.Header()
	h.Set("x-ms-resource-unit", strconv.Itoa(units))
	if share >= 0.8 {
		h.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(share, 'f', 1, 64))
	}
	if wait <= 0 {
		return true
	}
	h.Set("x-ms-throttle-scope", "Tenant_Application/Read/"+who.AppID+"/"+who.TenantID)
	h.Set("x-ms-throttle-information", "ResourceUnitLimitExceeded")
	a.throttleFor(max(wait, time.Second), s.cfg.Modes.RetryAfter)
	return false
}
