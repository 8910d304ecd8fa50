package graphsim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is a way for an answer to go wrong.
type Kind string

// Kinds that answer something else than what was asked for.
const (
	KindInternalError  Kind = "internal-error"  // 500
	KindBadGateway     Kind = "bad-gateway"     // 502 with an HTML page
	KindUnavailable    Kind = "unavailable"     // 503, with Fault.RetryAfter
	KindGatewayTimeout Kind = "gateway-timeout" // 504
	KindThrottled      Kind = "throttled"       // 429, with Fault.RetryAfter
	KindUnauthorized   Kind = "unauthorized"    // 401
	KindForbidden      Kind = "forbidden"       // 403
	KindPoison         Kind = "poison"          // 400 if one of Fault.IDs is asked for
	KindTokenError     Kind = "token-error"     // the AADSTS error Fault.Code; token service only
	KindReset          Kind = "reset"           // the connection is reset before an answer
	KindHang           Kind = "hang"            // nothing for Fault.Delay (zero: until the client gives up), then a reset
	KindRedirect       Kind = "redirect"        // 307 to Fault.URL
	KindEmpty          Kind = "empty"           // 200 without a body
	KindWrongEntity    Kind = "wrong-entity"    // 200 with a user object
	KindOversized      Kind = "oversized"       // 200 with Fault.Size bytes of JSON (zero: 100 MB)
	KindGzipBomb       Kind = "gzip-bomb"       // 200 with a small body that unpacks to Fault.Size bytes (zero: 1 GB)
	KindDeep           Kind = "deep"            // 200 with JSON nested Fault.Size deep (zero: 100000)
)

// Kinds that spoil or delay the right answer.
const (
	KindTruncated   Kind = "truncated"    // the JSON ends in the middle, the HTTP message properly
	KindCut         Kind = "cut"          // the connection is reset in the middle of the body
	KindTrailing    Kind = "trailing"     // something that is not JSON follows the body
	KindContentType Kind = "content-type" // text/html
	KindSlow        Kind = "slow"         // one byte per Fault.Delay (zero: 1 s); the answer is right
	KindClockSkew   Kind = "clock-skew"   // Date is off by Fault.Skew; the answer is right
)

// Kinds that change which presences an answer has. The rest of the answer is right.
const (
	KindMissing   Kind = "missing"   // without Fault.IDs (none: without the first half)
	KindExtra     Kind = "extra"     // with Fault.IDs, which nobody asked for (none: one made-up id)
	KindDuplicate Kind = "duplicate" // every presence twice
	KindConflict  Kind = "conflict"  // Fault.IDs (none: the first) twice, with different presences
	KindIDCase    Kind = "id-case"   // ids in upper case
)

func kinds() []Kind {
	return []Kind{KindInternalError, KindBadGateway, KindUnavailable, KindGatewayTimeout, KindThrottled, KindUnauthorized,
		KindForbidden, KindPoison, KindTokenError, KindReset, KindHang, KindRedirect, KindEmpty, KindWrongEntity, KindOversized,
		KindGzipBomb, KindDeep, KindTruncated, KindCut, KindTrailing, KindContentType, KindSlow, KindClockSkew, KindMissing,
		KindExtra, KindDuplicate, KindConflict, KindIDCase}
}

// spoils reports whether an answer under this fault is no answer: nothing of it counts as served.
func (k Kind) spoils() bool {
	return k == KindTruncated || k == KindCut || k == KindTrailing || k == KindContentType
}

// Fault is one thing that goes wrong, some number of times or for some time. Of several faults that fit a request the
// one injected first happens.
type Fault struct {
	// Kind says what happens.
	Kind Kind `yaml:"kind"`
	// On chooses requests: the name of an [Endpoint], or a path prefix that begins with a slash.
	// Empty: every Graph endpoint, but not the token service.
	On string `yaml:"on"`
	// Tenant restricts the fault to one directory id. Empty: every tenant.
	Tenant string `yaml:"tenant"`
	// Count is how many requests are hit. Zero: any number.
	Count int `yaml:"count"`
	// After is the real time from injection until the fault begins, For is how long it lasts then. Zero: at once, for ever.
	After time.Duration `yaml:"after"`
	For   time.Duration `yaml:"for"`
	// Probability is the chance that a fitting request is hit, drawn from the simulation's seed. Zero: 1.
	Probability float64 `yaml:"probability"`

	// RetryAfter is written verbatim as the header of that name. Empty: no header.
	RetryAfter string `yaml:"retry_after"`
	// Delay is a pause; see KindHang and KindSlow.
	Delay time.Duration `yaml:"delay"`
	// IDs are user ids; see KindPoison, KindMissing, KindExtra and KindConflict.
	IDs []string `yaml:"ids"`
	// Code is an AADSTS number; see KindTokenError.
	Code int `yaml:"code"`
	// URL is where a redirect leads.
	URL string `yaml:"url"`
	// Size is a number of bytes or levels; see KindOversized, KindGzipBomb and KindDeep.
	Size int `yaml:"size"`
	// Skew is how far Date is off; negative is the past.
	Skew time.Duration `yaml:"skew"`
}

// validate says everything that is wrong with f.
func (f Fault) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(slices.Contains(kinds(), f.Kind), "kind: got %q, want one of %q", f.Kind, kinds())
	known := f.On == "" || strings.HasPrefix(f.On, "/") || slices.Contains(endpoints(), Endpoint(f.On))
	check(known, "on: got %q, want one of %q or a path that begins with a slash", f.On, endpoints())
	check(f.Count >= 0, "count: got %d, want 0 (any number) or more", f.Count)
	check(f.After >= 0 && f.For >= 0 && f.Delay >= 0, "after, for and delay: want no negative duration")
	check(f.Probability >= 0 && f.Probability <= 1, "probability: got %v, want 0 (always) to 1", f.Probability)
	check(f.Size >= 0, "size: got %d, want 0 (the default) or more", f.Size)
	check(f.Kind != KindPoison || len(f.IDs) > 0, "ids: a %s fault needs the ids that are poison", KindPoison)
	check(f.Kind != KindRedirect || f.URL != "", "url: a %s fault needs to know where it leads", KindRedirect)
	check(f.Kind != KindClockSkew || f.Skew != 0, "skew: a %s fault needs a duration that is not 0", KindClockSkew)
	if f.Kind == KindTokenError {
		check(f.Code > 0, "code: got %d, want an AADSTS number", f.Code)
		check(f.On == string(EndpointToken) || f.On == string(EndpointDeviceCode), "on: a %s fault needs on: token or devicecode", KindTokenError)
	}
	return errors.Join(errs...)
}

// fits reports whether f is about this request, leaving time, count and chance aside.
func (f Fault) fits(t target, path, tenant string, ids []string) bool {
	switch {
	case f.Tenant != "" && !strings.EqualFold(f.Tenant, tenant):
		return false
	case f.Kind == KindPoison && !slices.ContainsFunc(ids, f.names):
		return false
	case f.On == "":
		return t.endpoint != EndpointToken && t.endpoint != EndpointDeviceCode
	case strings.HasPrefix(f.On, "/"):
		return strings.HasPrefix(path, f.On)
	default:
		return t.endpoint == Endpoint(f.On)
	}
}

// names reports whether id is one of f.IDs, without case.
func (f Fault) names(id string) bool {
	return slices.ContainsFunc(f.IDs, func(other string) bool { return strings.EqualFold(id, other) })
}
