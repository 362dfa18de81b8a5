package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"unibus/internal/bus"
)

// maxDepth is how deep JSON may be nested: no body needs more than an array of
// objects in an object.
const maxDepth = 4

var errJSON = bus.Errorf(bus.Invalid, "bad_json", "the body is not the JSON that this route takes").
	WithHint("is the node of the same version?")

// decode reads the body into v. There must be one reading of it: a name stands
// once and in the case that v has, nothing is unknown, nothing follows.
func (x *exchange) decode(v any) error {
	if err := checkJSON(x.raw); err != nil {
		return errJSON.Because(err)
	}
	d := json.NewDecoder(bytes.NewReader(x.raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errJSON.Because(err)
	}
	return nil
}

// checkJSON refuses what encoding/json would take though people may read it in
// two ways.
func checkJSON(raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := checkValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows")
	}
	return nil
}

func checkValue(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case string:
		return checkText(t)
	case json.Delim:
		if depth == maxDepth {
			return errors.New("too deep")
		}
		if t == '{' {
			return checkObject(d, depth+1)
		}
		return checkArray(d, depth+1)
	}
	return nil
}

func checkArray(d *json.Decoder, depth int) error {
	for d.More() {
		if err := checkValue(d, depth); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func checkObject(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if seen[name] || !isName(name) {
			return errors.New("a name stands twice or is none")
		}
		seen[name] = true
		if err := checkValue(d, depth); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// isName accepts what our names are made of: with anything else encoding/json
// may take two different names for the same field.
func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// checkText refuses half of a surrogate pair, which is read as this character.
func checkText(s string) error {
	if strings.ContainsRune(s, utf8.RuneError) {
		return errors.New("a string is not text")
	}
	return nil
}
