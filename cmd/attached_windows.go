package cmd

import "os"

const attachedFlags = 0

// stampOf knows nothing there: size and time of change have to do.
func stampOf(*os.File) (string, error) { return "", nil }
