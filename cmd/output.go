package cmd

import (
	"bufio"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"unibus/internal/config"
	"unibus/internal/text"
)

// column is one column of a listing. The first one names the item.
type column[T any] struct {
	name string
	cell func(T) text.Safe
}

// printList prints items in the format that was asked for. kind is what one
// item is, as in "room"; items must marshal to JSON objects.
func printList[T any](env *Env, kind string, items []T, columns ...column[T]) error {
	return printBrief(env, kind, items, columns)
}

// printBrief is printList for items with more columns than a terminal has room
// for: the table leaves out those named in hidden.
func printBrief[T any](env *Env, kind string, items []T, columns []column[T], hidden ...string) error {
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	w := bufio.NewWriter(env.Stdout)
	switch settings.Output {
	case config.JSON:
		if items == nil {
			items = []T{}
		}
		err = writeJSON(w, "", struct {
			Items []T `json:"items"`
		}{items})
	case config.NDJSON:
		for _, item := range items {
			err = cmp.Or(err, writeJSON(w, kind, item))
		}
	case config.TSV:
		writeTSV(w, items, columns)
	case config.Name:
		for _, item := range items {
			fmt.Fprintln(w, oneLine(columns[0].cell(item)))
		}
	default:
		err = writeTable(w, items, slices.DeleteFunc(slices.Clone(columns), func(c column[T]) bool { return slices.Contains(hidden, c.name) }))
	}
	return cmp.Or(err, w.Flush())
}

// printOne prints a single item; in text one line for each column.
func printOne[T any](env *Env, kind string, item T, columns ...column[T]) error {
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	switch settings.Output {
	case config.JSON:
		return writeJSON(env.Stdout, "", item)
	case config.Text:
		rows := make([][]text.Safe, 0, len(columns))
		for _, c := range columns {
			rows = append(rows, []text.Safe{text.Safe(c.name), c.cell(item)})
		}
		return writeRows(env.Stdout, rows)
	}
	return printList(env, kind, []T{item}, columns...)
}

// printChange says what was changed: line on stderr, and id alone on stdout,
// so that a script can keep it. id may be empty; item is what JSON shows.
func printChange(env *Env, kind string, id text.Safe, item any, line text.Safe) error {
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	switch settings.Output {
	case config.JSON:
		return writeJSON(env.Stdout, "", item)
	case config.NDJSON:
		return writeJSON(env.Stdout, kind, item)
	}
	env.note(line)
	if id == "" {
		return nil
	}
	_, err = fmt.Fprintln(env.Stdout, oneLine(id))
	return err
}

// printEvent prints one event of a stream: line in text, which may have several
// lines, id alone as a name, if it has one, and kind, id and cells as TSV.
// -o json is -o ndjson.
func printEvent(env *Env, kind string, event any, id, line text.Safe, cells ...text.Safe) error {
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	switch settings.Output {
	case config.Text:
		_, err = fmt.Fprintln(env.Stdout, string(line))
	case config.Name:
		if id != "" {
			_, err = fmt.Fprintln(env.Stdout, oneLine(id))
		}
	case config.TSV:
		row := []string{kind, oneLine(id)}
		for _, c := range cells {
			row = append(row, oneLine(c))
		}
		_, err = fmt.Fprintln(env.Stdout, strings.Join(row, "\t"))
	default:
		err = writeJSON(env.Stdout, kind, event)
	}
	return err
}

// note tells the person one thing on stderr.
func (e *Env) note(line text.Safe) {
	if !e.Quiet {
		fmt.Fprintln(e.Stderr, oneLine(line))
	}
}
