package graphsim

import (
	"strconv"
	"sync"
)

// maxPages bounds what is kept; the oldest pages are forgotten.
const maxPages = 10_000

// pages keeps the ids of the further pages of bulk answers. It is safe for concurrent use.
type pages struct {
	mu     sync.Mutex
	rest   map[string][]string // by tenant and token
	oldest []string
	serial uint64
}

func newPages() *pages { return &pages{rest: map[string][]string{}} }

// keep stores ids and returns the token they can be fetched with.
func (p *pages) keep(tenantID string, ids []string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	token := "page" + strconv.FormatUint(p.serial, 36)
	key := tenantID + token
	p.rest[key] = ids
	p.oldest = append(p.oldest, key)
	if len(p.oldest) > maxPages {
		delete(p.rest, p.oldest[0])
		p.oldest = p.oldest[1:]
	}
	return token
}

// get returns the ids kept under a token, nil if there are none. They stay: a page may have to be fetched again.
func (p *pages) get(tenantID, token string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rest[tenantID+token]
}
