package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"unibus/internal/bus"
)

// load layers table over file ("" = none) and flags (nil = none). It returns
// every value with its source, also when one of them is refused.
func load[T any](table []setting[T], file string, flags *pflag.FlagSet) (T, []Value, error) {
	var out T
	v := viper.New()
	if err := readFile(v, file, table); err != nil {
		return out, nil, err
	}
	values := make([]Value, 0, len(table))
	var refused []error
	for _, s := range table {
		source := bind(v, s, file, flags)
		text, err := textOf(v.Get(s.name))
		if err == nil {
			text = place(s.shape, text, source, file)
			err = s.set(&out, text)
		}
		if err != nil {
			refused = append(refused, refuse(s.name, source, err))
		}
		values = append(values, Value{Name: s.name, Value: text, Source: source})
	}
	return out, values, first(refused)
}

// bind layers one setting and returns where the winning value stands.
func bind[T any](v *viper.Viper, s setting[T], file string, flags *pflag.FlagSet) string {
	v.SetDefault(s.name, s.def)
	source := "default"
	if v.InConfig(s.name) {
		source = file
	}
	if s.from&inEnv != 0 {
		_ = v.BindEnv(s.name, variable(s.name)) // fails only without a name
		if os.Getenv(variable(s.name)) != "" {
			source = variable(s.name)
		}
	}
	if s.from&inFlag == 0 || flags == nil {
		return source
	}
	if f := flags.Lookup(s.name); f != nil && f.Changed {
		_ = v.BindPFlag(s.name, f) // fails only without a flag
		source = "--" + s.name
	}
	return source
}

// readFile reads file into v. A missing file is an empty one; so is one in a
// folder that is none, which is for whoever needs the folder to say.
func readFile[T any](v *viper.Viper, file string, table []setting[T]) error {
	if file == "" {
		return nil
	}
	v.SetConfigFile(file)
	v.SetConfigType("toml")
	err := v.ReadInConfig()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return bus.Errorf(bus.Invalid, "config_file", "read settings: %s: %s", file, cause(err)).
			WithHint("correct the file, or remove it")
	}
	return knownKeys(v.AllKeys(), file, table)
}

// knownKeys refuses what would otherwise silently mean nothing.
func knownKeys[T any](keys []string, file string, table []setting[T]) error {
	slices.Sort(keys)
	for _, key := range keys {
		i := slices.IndexFunc(table, func(s setting[T]) bool { return s.name == key })
		switch {
		case i < 0:
			return bus.Errorf(bus.Invalid, "unknown_setting", "read settings: %s: unknown key %q", file, key).
				WithHint("keys are %s", strings.Join(fileKeys(table), ", "))
		case table[i].from&inFile == 0:
			return bus.Errorf(bus.Invalid, "unknown_setting", "read settings: %s: %q cannot stand in a file", file, key).
				WithHint("remove it there; %s", table[i].elsewhere())
		}
	}
	return nil
}

func fileKeys[T any](table []setting[T]) (names []string) {
	for _, s := range table {
		if s.from&inFile != 0 {
			names = append(names, s.name)
		}
	}
	return names
}

// elsewhere says where a setting that has no place in a file can be written.
func (s setting[T]) elsewhere() string {
	if s.from&inFlag != 0 {
		return "use --" + s.name
	}
	return "use " + variable(s.name)
}

// textOf returns what was written as one text, a list joined by commas.
func textOf(raw any) (string, error) {
	switch v := raw.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool, int, int64, float64:
		return fmt.Sprint(v), nil
	case []string:
		return strings.Join(v, ","), nil
	case []any:
		words := make([]string, 0, len(v))
		for _, item := range v {
			word, ok := item.(string)
			if !ok {
				return "", errShape
			}
			words = append(words, word)
		}
		return strings.Join(words, ","), nil
	}
	return "", errShape
}

// place makes a path independent of the working directory.
func place(shape shape, text, source, file string) string {
	if shape != isPath || text == "" || filepath.IsAbs(text) {
		return text
	}
	if source == file {
		return filepath.Join(filepath.Dir(file), text)
	}
	if abs, err := filepath.Abs(text); err == nil {
		return abs
	}
	return text
}

// refuse names the setting and where it was written.
func refuse(name, source string, err error) error {
	var why *bus.Error
	if !errors.As(err, &why) {
		why = bus.Errorf(bus.Invalid, "bad_setting", "not a value of this setting").Because(err)
	}
	where := name + " from " + source
	if strings.HasPrefix(source, "--") {
		where = source
	}
	return bus.Errorf(why.Kind, why.Code, "%s: %s", where, why.Message).WithHint("%s", hintOr(why.Hint)).Because(err)
}

func hintOr(hint string) string {
	if hint == "" {
		return "see 'unibus help environment'"
	}
	return hint
}

func first(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return errs[0]
}

// cause is err in one line without the words of the libraries around it.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	var parse viper.ConfigParseError
	if errors.As(err, &parse) {
		err = parse.Unwrap()
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

var errShape = bus.Errorf(bus.Invalid, "bad_setting", "not a text, a number, true, false or a list of texts")
