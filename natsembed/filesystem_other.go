//go:build !linux

package natsembed

import "os"

func forget(*os.File) {}

// volatile knows the file systems of Linux only.
func (s *store) volatile() string { return "" }
