package soak_test

import (
	"slices"
	"testing"
)

// sample is what the process holds at one moment.
type sample struct {
	goroutines, descriptors float64
	heap, resident          float64 // MiB
}

func (w *world) sample() sample {
	text := w.metrics()
	return sample{
		goroutines: text.Value("go_goroutines"), descriptors: text.Value("process_open_fds"),
		heap: text.Value("go_memstats_heap_alloc_bytes") / (1 << 20), resident: text.Value("process_resident_memory_bytes") / (1 << 20),
	}
}

// wantFlat compares the last third of the samples with the first. Every kind may
// vary by what happens to be under way; a leak grows beyond that the longer it runs.
func wantFlat(t *testing.T, samples []sample) {
	t.Helper()
	third := max(len(samples)/3, 1)
	first, last := samples[:third], samples[len(samples)-third:]
	for _, kind := range []struct {
		name   string
		of     func(sample) float64
		slack  float64 // more than at first
		factor float64
	}{
		{"goroutines", func(s sample) float64 { return s.goroutines }, 30, 1},
		{"descriptors", func(s sample) float64 { return s.descriptors }, 15, 1},
		{"heap in MiB", func(s sample) float64 { return s.heap }, 32, 1.5},
		{"resident memory in MiB", func(s sample) float64 { return s.resident }, 64, 1.2},
	} {
		was, is := median(first, kind.of), median(last, kind.of)
		if most := was*kind.factor + kind.slack; is > most {
			t.Errorf("%s: %.0f at the end, %.0f at first: want %.0f at the most", kind.name, is, was, most)
		}
		t.Logf("%s: %.0f at first, %.0f at the end (%d samples)", kind.name, was, is, len(samples))
	}
}

func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
