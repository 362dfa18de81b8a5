package config

import (
	"os"
	"strings"
)

// Terminal is what the environment says of the terminal.
type Terminal struct {
	Env    []string // all of it, for who draws on the terminal
	Dumb   bool     // it can only add lines
	Mono   bool     // the person wants no colours
	Editor []string // the person's, with its arguments; nil: none is named
	Temp   string   // the folder for what is there for a moment
	Home   string   // the person's folder; "" where none is known
}

// LoadTerminal reads the variables that every program of a terminal reads: TERM,
// NO_COLOR, VISUAL, EDITOR and those that name the folders.
func LoadTerminal() Terminal {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	home, _ := os.UserHomeDir() // without one files are named by their whole path
	return Terminal{Env: os.Environ(), Dumb: os.Getenv("TERM") == "dumb", Mono: os.Getenv("NO_COLOR") != "",
		Editor: strings.Fields(editor), Temp: os.TempDir(), Home: home}
}
