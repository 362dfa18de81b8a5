package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"unibus/internal/bus"
	"unibus/internal/text"
)

// maxWord bounds what is read for one argument: links and references are far
// smaller, and stdin may be anything.
const maxWord = 64 << 10

// CanAsk reports whether somebody is there to answer.
func (e *Env) CanAsk() bool { return e.StdinTTY && e.StderrTTY && !e.NoInput }

// Confirm asks question, which must end in a question mark. It returns nil
// when the answer is yes or --yes was given. Where nobody can answer it is a
// usage error: a script must say what it wants.
func (e *Env) Confirm(ctx context.Context, question string) error {
	if e.Yes {
		return nil
	}
	if !e.CanAsk() {
		return bus.Errorf(bus.Invalid, "needs_yes", "%s Cannot ask without a terminal", text.Line(question)).
			WithHint("add --yes")
	}
	fmt.Fprintf(e.Stderr, "%s [y/N] ", text.Line(question))
	answer, err := until(ctx, e.readLine)
	if err != nil {
		fmt.Fprintln(e.Stderr) // what is said next stands below the question
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return bus.Errorf(bus.Failed, "declined", "nothing was changed: the answer was no")
}

// AskSecret asks for a passphrase on the terminal. elsewhere says how to answer
// without one, as in "set UNIBUS_PASSPHRASE_FILE".
func (e *Env) AskSecret(ctx context.Context, prompt, elsewhere string) ([]byte, error) {
	if !e.CanAsk() {
		return nil, bus.Errorf(bus.Invalid, "needs_passphrase", "nobody can be asked for it: this is not a terminal").
			WithHint("%s", elsewhere)
	}
	fmt.Fprintf(e.Stderr, "%s: ", text.Line(prompt))
	secret, err := e.ReadSecret(ctx)
	fmt.Fprintln(e.Stderr)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	return secret, nil
}

// Word returns arg, or for "-" what stdin holds: on a terminal one pasted
// line, else all of it, which must be one line too.
func (e *Env) Word(ctx context.Context, arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	read := e.readAll
	if e.StdinTTY {
		e.note("paste the line, then press Enter")
		read = e.readLine
	}
	word, err := until(ctx, read)
	if err != nil {
		return "", fmt.Errorf("read stdin: %w", err)
	}
	if word == "" {
		return "", bus.Errorf(bus.Invalid, "bad_stdin", "stdin is empty").WithHint("pass the line that was copied")
	}
	if strings.ContainsAny(word, "\r\n") {
		return "", bus.Errorf(bus.Invalid, "bad_stdin", "stdin must hold exactly one line").
			WithHint("pass the line that was copied, and nothing else")
	}
	return word, nil
}

func (e *Env) readAll() (string, error) {
	all, err := io.ReadAll(io.LimitReader(e.Stdin, maxWord+1))
	if err != nil {
		return "", err
	}
	if len(all) > maxWord {
		return "", errLongWord
	}
	return strings.TrimSpace(string(all)), nil
}

// readLine takes single bytes, so that nothing after the line is lost for
// whoever reads stdin next.
func (e *Env) readLine() (string, error) {
	var line []byte
	one := make([]byte, 1)
	for {
		n, err := e.Stdin.Read(one)
		if n == 1 && one[0] == '\n' || errors.Is(err, io.EOF) {
			return strings.TrimSpace(string(line)), nil
		}
		if err != nil {
			return "", err
		}
		if line = append(line, one[:n]...); len(line) > maxWord {
			return "", errLongWord
		}
	}
}

var errLongWord = bus.Errorf(bus.TooLarge, "long_stdin", "more than %d bytes on stdin", maxWord).WithHint("pass the one line that was copied")
