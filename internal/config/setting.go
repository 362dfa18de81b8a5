package config

import "strings"

// origin is the set of places a setting may be written in, besides its default.
type origin uint8

const (
	inFlag origin = 1 << iota
	inEnv
	inFile

	anywhere = inFlag | inEnv | inFile
)

// shape is how the text of a setting is read before it is parsed.
type shape uint8

const (
	isText shape = iota
	isTruth
	isList
	isPath // relative to the working directory, in a file relative to that file
)

// setting is one thing that can be said about a T. Every place it can be
// written in yields one text, so that one parser gives one meaning.
type setting[T any] struct {
	name  string // of the flag and of the key in the file
	short string
	arg   string // what --help calls the value
	def   string // as a person would write it
	from  origin
	shape shape
	help  string
	set   func(*T, string) error
}

// variable is the name of the setting in the environment.
func variable(name string) string {
	return "UNIBUS_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Value is one setting as it was found.
type Value struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // "default", the file, the variable, or the flag
}

// Variable is one environment variable that unibus reads.
type Variable struct {
	Name string `json:"name"`
	Help string `json:"help"`
}

// Variables lists what unibus reads from the environment.
func Variables() []Variable {
	list := []Variable{
		{"UNIBUS_HOME", "one folder for all of the client, not the XDG ones"},
		{"XDG_CONFIG_HOME", "where unibus/config.toml is, without UNIBUS_HOME"},
		{"XDG_DATA_HOME", "holds unibus/ without UNIBUS_HOME, and unibus/node"},
		{"XDG_RUNTIME_DIR", "where sockets are, without UNIBUS_HOME"},
		{"TERM", "dumb: the chat speaks in lines, as with --plain"},
		{"NO_COLOR", "not empty: the chat has no colours"},
		{"VISUAL", "what Ctrl+O in the chat runs"},
		{"EDITOR", "the same, where VISUAL is not set"},
	}
	list = appendVariables(list, clientSettings())
	return appendVariables(list, serveSettings(""))
}

func appendVariables[T any](list []Variable, table []setting[T]) []Variable {
	for _, s := range table {
		if s.from&inEnv != 0 {
			list = append(list, Variable{variable(s.name), s.help})
		}
	}
	return list
}
