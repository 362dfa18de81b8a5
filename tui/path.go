package tui

import (
	"path/filepath"
	"strings"
)

// A path is typed as it is, blanks and all, or as a shell takes it, which is how
// terminals paste a file that is dropped on them: in quotes, or with a backslash
// before what is special. Only in the second way blanks divide several.

// shellPaths reports whether a backslash is part of no path here.
const shellPaths = filepath.Separator != '\\'

// splitPaths reads the paths that somebody typed.
func splitPaths(typed string) (paths []string) {
	typed = strings.TrimLeft(typed, " ")
	if !strings.HasPrefix(typed, "'") && !strings.HasPrefix(typed, `"`) && !(shellPaths && strings.Contains(typed, `\`)) {
		if typed == "" {
			return nil
		}
		return []string{typed}
	}
	for rest := typed; rest != ""; rest = strings.TrimLeft(rest, " ") {
		var path string
		path, rest = shellWord(rest)
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// shellWord reads a word up to the first blank that is not quoted. A quote that does
// not end goes to the end.
func shellWord(s string) (word, rest string) {
	var out strings.Builder
	quote := rune(0)
	escaped := false
	for i, r := range s {
		switch {
		case escaped:
			escaped = false
			out.WriteRune(r)
		case r == '\\' && shellPaths && quote != '\'':
			escaped = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case quote == 0 && r == ' ':
			return out.String(), s[i:]
		default:
			out.WriteRune(r)
		}
	}
	return out.String(), ""
}

// escapePath writes a path so that splitPaths reads it back.
func escapePath(path string) string {
	if !shellPaths || !strings.ContainsAny(path, ` '"\`) {
		return path
	}
	return strings.NewReplacer(` `, `\ `, `'`, `\'`, `"`, `\"`, `\`, `\\`).Replace(path)
}

// absolute is the whole path of one that was typed, in a folder.
func (m *Model) absolute(folder, path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && m.o.Tilde != "" && (rest == "" || strings.HasPrefix(rest, string(filepath.Separator))) {
		path = m.o.Tilde + rest
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	return filepath.Clean(path)
}

// place divides a path that is being typed in a folder: the folder that it leads to,
// and how what is meant there begins.
func (m *Model) place(folder, path string) (to, begins string) {
	if path == "~" {
		return m.absolute(folder, path), ""
	}
	in, begins := filepath.Split(path)
	return m.absolute(folder, in), begins
}

// isPath tells a path from a piece of a name.
func isPath(typed string) bool {
	return strings.Contains(typed, "/") || strings.ContainsRune(typed, filepath.Separator) || strings.Contains(typed, `\`) ||
		strings.HasPrefix(typed, "~") || strings.HasPrefix(typed, "'") || strings.HasPrefix(typed, `"`)
}

// pathTyped is the path behind the command in the box, up to the cursor, and where it
// begins. False: no path stands there.
func (m *Model) pathTyped() (typed string, from int, ok bool) {
	before := m.box.Before()
	name, typed, found := strings.Cut(before, " ")
	for _, c := range commands() {
		if found && "/"+c.name == name && c.path() {
			return typed, len([]rune(name)) + 1, true
		}
	}
	return "", 0, false
}
