package configs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. It is written with a unit: 512MiB, 10GiB, 1TB.
type Size int64

type unit struct {
	name  string
	bytes int64
}

// units are sorted from large to small, so that String takes the largest that fits.
func units() []unit {
	return []unit{
		{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9},
		{"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"KB", 1e3}, {"B", 1},
	}
}

// ParseSize reads a whole number followed by B, KB, KiB, MB, MiB, GB, GiB, TB or TiB. A negative size and one
// beyond 63 bits are errors.
func ParseSize(text string) (Size, error) {
	for _, u := range units() {
		digits, found := strings.CutSuffix(text, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || int64(n) > math.MaxInt64/u.bytes {
			break
		}
		return Size(int64(n) * u.bytes), nil
	}
	return 0, fmt.Errorf("reading size %q: want a whole number and a unit, such as 512MiB or 10GiB", text)
}

// String writes the size with the largest unit that leaves a whole number. The zero value is "0B".
func (s Size) String() string {
	for _, u := range units() {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return "0B"
}
