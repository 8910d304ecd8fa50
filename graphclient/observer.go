package graphclient

// Outcome counts what one call of [Client.Presences] brought.
type Outcome struct {
	Refused  int // users without an answer because Graph refuses the id itself, or did so lately
	Unasked  int // entries of users nobody asked for, or of nobody; ignored
	NewWords int // words that this version does not know, passed on
}

// Observer is told what happens, for metrics. Its methods must be quick and safe
// for concurrent use.
type Observer interface {
	// Request is told of each request for presences, with the class of what came
	// back: 2xx, 3xx, 4xx, 429, 5xx or network (no answer, or half of one).
	Request(class string)
	// Answers is told of each chunk.
	Answers(Outcome)
}

type noObserver struct{}

func (noObserver) Request(string)  {}
func (noObserver) Answers(Outcome) {}

// class is the label of a request that ended with err.
func class(err *APIError) string {
	switch {
	case err == nil:
		return "2xx"
	case err.Status == 0 || err.Status < 300:
		return "network"
	case err.Status == 429:
		return "429"
	case err.Status < 400:
		return "3xx"
	case err.Status < 500:
		return "4xx"
	}
	return "5xx"
}
