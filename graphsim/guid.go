package graphsim

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/google/uuid"
)

// derivedGUID returns a lower-case version 4 style GUID that depends on seed and label alone.
func derivedGUID(seed uint64, label ...string) string {
	return uuid.NewHash(sha256.New(), uuid.Nil, derivation(seed, label), 4).String()
}

// derivedSeed returns a number for a random generator that depends on seed and label alone.
func derivedSeed(seed uint64, label ...string) uint64 {
	sum := sha256.Sum256(derivation(seed, label))
	return binary.LittleEndian.Uint64(sum[:])
}

func derivation(seed uint64, label []string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, seed), strings.Join(label, "\x00")...)
}

// isGUID reports whether s is a GUID in its plain form, in either case: no braces, no urn prefix.
func isGUID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// lowerGUID lower-cases GUIDs and leaves everything else alone.
func lowerGUID(s string) string {
	if isGUID(s) {
		return strings.ToLower(s)
	}
	return s
}
