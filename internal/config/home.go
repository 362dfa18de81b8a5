package config

import (
	"os"
	"path/filepath"

	"github.com/adrg/xdg"

	"unibus/internal/bus"
)

// Home is where the client of one person keeps what it knows. With
// UNIBUS_HOME all three are that folder.
type Home struct {
	Config string // config.toml
	Data   string // identities and profiles
	Run    string // sockets, gone after a restart of the machine
}

// fileName is the configuration file in Home.Config and in a data directory.
const fileName = "config.toml"

// FindHome returns the client's folders as absolute paths, whether they exist
// or not. It fails where neither UNIBUS_HOME nor a home directory is known.
func FindHome() (Home, error) {
	if dir := os.Getenv("UNIBUS_HOME"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return Home{}, errNoHome.Because(err)
		}
		return Home{Config: abs, Data: abs, Run: abs}, nil
	}
	h := Home{
		Config: under(xdg.ConfigHome, "XDG_CONFIG_HOME", "unibus"),
		Data:   under(xdg.DataHome, "XDG_DATA_HOME", "unibus"),
		Run:    filepath.Join(xdg.RuntimeDir, "unibus"),
	}
	if h.Config == "" || h.Data == "" {
		return Home{}, errNoHome
	}
	return h, nil
}

// file is the client's configuration file.
func (h Home) file() string { return filepath.Join(h.Config, fileName) }

// defaultData is where `serve` keeps a node unless told otherwise, or "".
// UNIBUS_HOME does not move it: that is the client's.
func defaultData() string { return under(xdg.DataHome, "XDG_DATA_HOME", "unibus/node") }

// under joins base and rest, or returns "" where base is only a guess: without
// HOME the library would have us write into the root of the file system.
func under(base, variable, rest string) string {
	if _, err := os.UserHomeDir(); err != nil && !filepath.IsAbs(os.Getenv(variable)) {
		return ""
	}
	return filepath.Join(base, filepath.FromSlash(rest))
}

var errNoHome = bus.Errorf(bus.Invalid, "no_home", "no home directory: HOME is not set").
	WithHint("set UNIBUS_HOME to a folder of your own")
