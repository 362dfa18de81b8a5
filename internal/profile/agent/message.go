package agent

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// A request and an answer are each one line of JSON, on a connection of their
// own.
type (
	request struct {
		Op       op     `json:"op"`
		Identity string `json:"identity,omitempty"` // absolute path of the file
	}
	answer struct {
		Known      bool   `json:"known"` // false: no passphrase for that file is held
		Passphrase []byte `json:"passphrase,omitempty"`
		Key        []byte `json:"key,omitempty"`
	}
)

type op string

const (
	opAsk  op = "ask"
	opStop op = "stop"
)

// maxLine is a passphrase in base64, or a path, with some room.
const maxLine = 2 * maxPassphrase

var errLine = errors.New("not a message of the agent")

// readLine reads one message and nothing after it.
func readLine(r io.Reader, into any) error {
	line, err := bufio.NewReaderSize(io.LimitReader(r, maxLine), maxLine).ReadSlice('\n')
	defer clear(line) // it may hold a passphrase
	if err != nil {
		return errLine
	}
	if err := json.Unmarshal(line, into); err != nil {
		return errLine
	}
	return nil
}

func writeLine(w io.Writer, message any) error {
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	defer clear(line)
	_, err = w.Write(line)
	return err
}
