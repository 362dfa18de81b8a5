package cmd

import (
	"reflect"
	"strings"

	"unibus/internal/config"
	"unibus/internal/text"
)

// shape is one kind of JSON object.
type shape struct {
	Name   string   `json:"name"`
	Fields []string `json:"fields"`
}

// shapes are what scripts rely on: fields may be added, none removed. "type"
// begins an object in a stream, "schema" one that stands alone.
func shapes() []shape {
	return []shape{
		{"list", []string{"schema", "items"}},
		shapeOf("error", failure{}, "type"),
		shapeOf("user", userShown{}),
		shapeOf("endpoint", endpointShown{}),
		shapeOf("room", roomShown{}),
		shapeOf("member", memberShown{}),
		shapeOf("entry", entryShown{}),
		shapeOf("message", messageShown{}, "type"),
		shapeOf("invite", invitationShown{}),
		shapeOf("context", contextShown{}),
		shapeOf("identity", identityShown{}),
		shapeOf("node", nodeShown{}),
		shapeOf("finding", findingShown{}),
		shapeOf("compare", comparison{}),
		shapeOf("blob", blobShown{}),
		shapeOf("csv_row", rowShown{}),
		shapeOf("step", stepShown{}),
	}
}

// shapeOf reads the fields off the struct that is printed, behind those that
// writeJSON puts before it.
func shapeOf(name string, item any, first ...string) shape {
	return shape{name, append(first, fieldsOf(reflect.TypeOf(item))...)}
}

func fieldsOf(t reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func printShapes(env *Env) error {
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	all := shapes()
	if settings.Output == config.Text {
		all = folded(all)
	}
	return printList(env, "shape", all,
		column[shape]{"name", func(s shape) text.Safe { return text.Safe(s.Name) }},
		column[shape]{"fields", func(s shape) text.Safe { return text.Safe(s.line()) }})
}

func (s shape) line() string { return strings.Join(s.Fields, " ") }

// foldAt is how long a line of fields gets: with the names before it, it fits a
// terminal of 80 columns.
const foldAt = 68

// folded cuts shapes into lines that fit; the name stands before the first.
func folded(all []shape) (lines []shape) {
	for _, s := range all {
		line := shape{Name: s.Name}
		for _, field := range s.Fields {
			if len(line.line())+1+len(field) > foldAt {
				lines, line = append(lines, line), shape{}
			}
			line.Fields = append(line.Fields, field)
		}
		lines = append(lines, line)
	}
	return lines
}
