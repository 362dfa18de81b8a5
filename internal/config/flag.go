package config

import "github.com/spf13/pflag"

// flagText holds what was written for one flag. It is parsed with the other
// places a setting can be written in; --help shows arg for its value.
type flagText struct {
	arg   string
	value string
	list  bool // written again it adds, instead of replacing
}

func (f *flagText) String() string { return f.value }
func (f *flagText) Type() string   { return f.arg }

// Set takes any text: only Validate and the parsers refuse.
func (f *flagText) Set(value string) error {
	if f.list && f.value != "" {
		value = f.value + "," + value
	}
	f.value = value
	return nil
}

// addFlags declares one flag for each setting that can be one.
func addFlags[T any](flags *pflag.FlagSet, table []setting[T]) {
	for _, s := range table {
		switch {
		case s.from&inFlag == 0:
		case s.shape == isTruth:
			flags.BoolP(s.name, s.short, false, s.help)
		default:
			flags.VarP(&flagText{arg: s.arg, value: s.def, list: s.shape == isList}, s.name, s.short, s.help)
		}
	}
}
