package main

import "os"

// noColour reports whether the user asked for none (https://no-color.org).
func noColour() bool { return os.Getenv("NO_COLOR") != "" }
