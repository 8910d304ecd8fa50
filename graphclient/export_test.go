package graphclient

import "time"

// ExportWindow shortens a budget's window, for benchmarks that must not fill it.
func ExportWindow(b *Budget, d time.Duration) { b.window = d }
