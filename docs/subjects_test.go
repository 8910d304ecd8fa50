package docs_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"presenced/presence"
)

// filled puts what an event could have in the place of <tenant> and the like.
var filled = strings.NewReplacer("<tenant>", tenant, "<id>", string(anna), "<availability>", "Busy",
	"<activity>", "InACall", "<state>", "degraded", "…", ">")

func TestSubjectsAreOurs(t *testing.T) {
	t.Parallel()
	subject := regexp.MustCompile(`\bpresence\.(?:contoso|<tenant>|\*)\.[^\s'"` + "`" + `)]*`)
	s := tell(t)
	for _, page := range pages(t) {
		found := subject.FindAllString(read(t, page), -1)
		if page == "events.md" && len(found) < 12 {
			t.Errorf("%s shows %d subjects only", page, len(found))
		}
		for _, shown := range found {
			if err := s.explain(filled.Replace(shown)); err != nil {
				t.Errorf("%s shows %s: %v", page, shown, err)
			}
		}
	}
}

// explain is nil for a subject that events have, and for a filter that lets some
// event of the story pass.
func (s story) explain(shown string) error {
	if strings.ContainsAny(shown, "*>") {
		for _, m := range s.log {
			if matches(shown, m.subject) {
				return nil
			}
		}
		return errors.New("no event passes this filter")
	}
	source := presence.SourceEvent{Tenant: tenant, After: presence.SourceDegraded}
	if shown == source.Subject("presence") {
		return nil
	}
	if !subjectOfUser.MatchString(shown) {
		return errors.New("no event has this subject")
	}
	return nil
}

// subjectOfUser is what events about a user are written to.
var subjectOfUser = regexp.MustCompile(`^presence\.[a-z0-9-]{1,32}\.user\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}` +
	`\.(left|(change|snapshot)(\.[A-Za-z0-9_-]{1,64}){2})$`)

// matches is NATS's matching of a subject by a filter.
func matches(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	for i, token := range f {
		if token == ">" {
			return len(s) > i
		}
		if i >= len(s) || token != "*" && token != s[i] {
			return false
		}
	}
	return len(f) == len(s)
}
