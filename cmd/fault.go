package cmd

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"unibus/internal/config"
	"unibus/internal/text"
)

// fault is one way in which what a node shows does not hold. As an error, and at
// the end of `read` and `room verify`, each is exit code 8.
type fault struct {
	Code    string `json:"code"`
	Told    string `json:"told"` // as what; see the constants
	Meaning string `json:"meaning"`
}

const (
	toldError   = "error"         // the code of an error
	toldEvent   = "event"         // the type of an event of a room
	toldMessage = "undecryptable" // the reason of an event of that type
)

// faults are what scripts may meet: none is ever renamed. The meaning of one that
// is told of a message goes on from "message 12 cannot be shown: ".
func faults() []fault {
	return []fault{
		{"withheld", toldError, "the node shows less than it showed before, or less than others have seen"},
		{"forked", toldError, "the node shows another history than before, or than others have seen"},
		{"other_message", toldError, "the node shows another message than before in its place"},
		{"bad_chain", toldError, "an entry of a log that its author had no right to write, or of another log"},
		{"bad_entry", toldError, "an entry of a log that is none"},
		{"bad_signature", toldError, "an entry of a log that its author did not sign"},
		{"bad_audience", toldError, "a room key for others than the log names: one more, one less, or another"},
		{"bad_envelope", toldError, "a room key that does not open: sealed for somebody else, or changed"},
		{"wrong_envelope", toldError, "the node gives another room key than the log names"},
		{"bad_confirm", toldError, "a room key that is not the one its author made"},
		{"bad_sealed_name", toldError, "a room's name that its key does not open"},
		{"no_key", toldError, "a room key that this endpoint should have and was not given"},
		{"bad_proposal", toldError, "a proposal against an admin that is not what its author signed"},
		{"old_keys", toldError, "the keys of this endpoint are an older copy of themselves"},
		{"key_changed", toldError, "a user of the room has another key than before"},
		{"user_rejected", toldError, "a user of the room is somebody else: you compared, and the numbers differed"},
		{"number_differs", toldError, "the number that was read out is not that of the two"},
		{"wrong_pin", toldError, "the node does not hold this bus's certificate"},
		{"wrong_ca", toldError, "the node does not hold the certificate that the link names"},
		{"founding_used", toldError, "the node does not hold the certificate that its founding link names"},
		{"hostile_nonce", toldError, "the node wanted something signed that is no nonce"},
		{"wrong_bus", toldError, "the node belongs to another bus"},
		{"wrong_account", toldError, "the node says that a device link is of somebody whose it is not"},
		{"bad_page", toldError, "the node sent something else than messages"},
		{"blob_digest", toldError, "the bytes of a blob or its manifest are not those of its id"},
		{"blob_size", toldError, "a blob has more or fewer bytes than was said"},
		{"bad_manifest", toldError, "a manifest that is none"},
		{"bad_blob", toldError, "a blob that its key does not open, or of another room"},
		{"bad_messages", toldError, "messages that cannot be shown"},
		{"missing_messages", toldError, "messages that are missing"},
		{"reordered_messages", toldError, "messages that stand behind later ones of their sender"},

		{"gap", toldEvent, "messages of a sender are missing here"},
		{"order", toldEvent, "a message that was missing stands behind later ones of its sender"},

		{"bad_frame", toldMessage, "it is damaged, or of another time"},
		{"other_room", toldMessage, "it was written for another room"},
		{"other_suite", toldMessage, "it is not sealed as this room's messages are"},
		{"bad_signature", toldMessage, "its signature is wrong"},
		{"not_in_audience", toldMessage, "its sender may not write here"},
		{"unknown_epoch", toldMessage, "nobody here knows its key"},
		{"no_key", toldMessage, "its key was not given to you"},
		{"old_keys", toldMessage, "its key was sealed to a newer key of this endpoint: these are an older copy"},
		{"bad_audience", toldMessage, "its key was sealed to others than the room's log names"},
		{"bad_envelope", toldMessage, "its key does not open: it was sealed for somebody else, or changed"},
		{"wrong_envelope", toldMessage, "the node gives another key for it than the log names"},
		{"bad_confirm", toldMessage, "its key is not the one that its author made"},
		{"late", toldMessage, "it came after its key had ended"},
		{"backdated", toldMessage, "it says that it is older than its key"},
		{"ended", toldMessage, "the time of its sender's endpoint was over"},
		{"bad_head", toldMessage, "its sender names a log that never was"},
		{"unknown_head", toldMessage, "its sender saw more of the room's log than the node shows"},
		{"other_head", toldMessage, "its sender saw another log of the room"},
		{"key_changed", toldMessage, "its sender has another key than before"},
		{"rejected", toldMessage, "you rejected the key of its sender"},
	}
}

// faultWords says why a message is not shown; a reason that nobody has words
// for stands for itself.
func faultWords(reason string) string {
	for _, f := range faults() {
		if f.Told == toldMessage && f.Code == reason {
			return f.Meaning
		}
	}
	return reason
}

// waysOut are what helps where the node shows less, or something else, than before.
const waysOut = `
Where the node shows less or something else than before (withheld, forked,
other_message), send nothing there and ask an admin whether it was restored
from an older copy. If it was not, somebody damages it. If it was:

  messages alone are missing   unibus room verify ROOM --accept
  a log is shorter             begin anew on this device: write down
                               'unibus identity words', print the link with
                               'unibus identity show', then
                               unibus context rm NAME --yes
                               unibus identity recover LINK
  everybody is concerned       an admin restores a newer copy: then nobody
                               has to do anything

docs/guide/restored.md says more.
`

func printFaults(env *Env) error {
	settings, err := env.Settings()
	if err != nil {
		return err
	}
	if settings.Output == config.Text {
		return printFaultText(env.Stdout)
	}
	return printList(env, "fault", faults(),
		column[fault]{"code", func(f fault) text.Safe { return text.Safe(f.Code) }},
		column[fault]{"told", func(f fault) text.Safe { return text.Safe(f.Told) }},
		column[fault]{"meaning", func(f fault) text.Safe { return text.Safe(f.Meaning) }})
}

// printFaultText prints what a terminal of 80 columns has room for.
func printFaultText(out io.Writer) error {
	w := bufio.NewWriter(out)
	for _, f := range faults() {
		fmt.Fprintf(w, "%s (%s)\n", f.Code, f.Told)
		for _, line := range wrapped(f.Meaning, 74) {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	fmt.Fprint(w, waysOut)
	return w.Flush()
}

// wrapped breaks words into lines of at most so many bytes.
func wrapped(words string, most int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(words) {
		if line != "" && len(line)+1+len(word) > most {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
