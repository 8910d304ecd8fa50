package simulation

import (
	"hash/fnv"
	"io"
	"time"
)

// dice decides what chance decides, as a pure function of the seed and of what is
// decided: the same question has the same answer in every run, whatever happened
// in between and in whatever order goroutines asked.
type dice uint64

// of is the dice for one thing of many.
func (d dice) of(keys ...uint64) dice {
	x := uint64(d)
	for _, k := range keys {
		x = mix(x ^ mix(k+0x9e3779b97f4a7c15))
	}
	return dice(x)
}

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// share is in [0, 1).
func (d dice) share() float64 { return float64(mix(uint64(d)+1)>>11) / (1 << 53) }

func (d dice) chance(p float64) bool { return d.share() < p }

// below is in [0, n).
func (d dice) below(n int) int { return int(d.share() * float64(n)) }

// between is in [low, high), to the nanosecond.
func (d dice) between(low, high time.Duration) time.Duration {
	return low + time.Duration(d.share()*float64(high-low))
}

func pick[T any](d dice, from ...T) T { return from[d.below(len(from))] }

// sum makes a text a key.
func sum(text string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, text)
	return h.Sum64()
}

// moment makes a time a key.
func moment(t time.Time) uint64 { return uint64(t.UnixNano()) }

// What is decided, the first key of a question.
const (
	forPlan uint64 = iota + 1
	forLife
	forActs
	forNetwork
	forGraph
	forPause
	forReconnect
	forTable
	forRoster
	forBoot
	forProcess
	forChance
	forBalance
)
