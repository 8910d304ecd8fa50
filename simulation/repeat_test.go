//go:build steady

package simulation_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// repeats says that a seed goes the same way every time: the runtime is patched.
const repeats = true

// TestRunsRepeat runs seeds again and compares the stories, line by line: every
// request, answer, fault and word of a worker, the whole log, and when. It needs the
// overlay that simulation/steady writes; the Makefile knows.
func TestRunsRepeat(t *testing.T) {
	runs, same := 0, 0
	each(t, *repeated, func(ctx context.Context, seed uint64) func() bool {
		all := make([]outcome, *times+1)
		for i := range all {
			var err error
			if all[i], err = apart(ctx, t, seed, true); err != nil {
				return func() bool { t.Errorf("seed %d ends without a verdict: %v", seed, err); return true }
			}
		}
		return func() bool {
			for _, again := range all[1:] {
				runs++
				if again.Digest == all[0].Digest && slices.Equal(again.Wrong, all[0].Wrong) {
					same++
					continue
				}
				t.Errorf("seed %d went another way:\n%s", seed, parting(all[0], again))
			}
			return true
		}
	})
	t.Logf("%d seeds, %d of %d more runs went the same way, to the nanosecond", *repeated, same, runs)
	if want := *repeated * *times; runs != want {
		t.Errorf("%d runs were compared, want %d", runs, want)
	}
}

// parting shows the first line that differs.
func parting(a, b outcome) string {
	one, other := append(a.Story, a.Wrong...), append(b.Story, b.Wrong...)
	for i := range max(len(one), len(other)) {
		if i >= len(one) || i >= len(other) || one[i] != other[i] {
			return fmt.Sprintf("line %d, after %v\n  once:  %v\n  again: %v", i+1, line(one, i-1), line(one, i), line(other, i))
		}
	}
	return "the stories are the same, the digests are not"
}

func line(story []string, i int) string {
	if i < 0 || i >= len(story) {
		return "nothing"
	}
	return story[i]
}
