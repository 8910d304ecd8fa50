//go:build !linux

package natsembed

// volatile knows the file systems of Linux only.
func (s *store) volatile() string { return "" }
