//go:build !unix

package identity

// Where there are no mode bits the access list of the folder protects the file.
const (
	openFlags = 0
	unixModes = false
)
