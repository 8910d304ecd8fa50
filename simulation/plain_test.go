//go:build !steady

package simulation_test

// repeats says that a seed goes the same way every time; with Go as it is it does
// not.
const repeats = false
