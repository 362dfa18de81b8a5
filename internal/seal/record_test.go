package seal

import (
	"bytes"
	"reflect"
	"testing"

	"unibus/internal/bus"
)

// everyKind is one record of each kind.
func everyKind() []Record {
	var out []Record
	for k := KindText; k <= KindValue; k++ {
		r := Record{Kind: k, ID: bus.RecordID{byte(k), 1}, Body: []byte("body of one")}
		if k.refers() {
			r.Ref = &Target{Frame: bus.Prefix{byte(k), 2}, Number: 0x0102}
		}
		out = append(out, r)
	}
	return out
}

func text(s string) Record { return Record{Kind: KindText, ID: bus.RecordID{1}, Body: []byte(s)} }

func TestRecords(t *testing.T) {
	t.Parallel()
	want := everyKind()
	raw, err := EncodeRecords(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseRecords(raw)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	size := 0
	for _, r := range want {
		size += r.Size()
	}
	if size != len(raw) {
		t.Errorf("sizes add up to %d, want %d", size, len(raw))
	}
	for n := range raw {
		if got, err := ParseRecords(raw[:n]); err == nil && len(got) == len(want) {
			t.Errorf("cut to %d bytes, all records are still there", n)
		}
	}
}

func TestRecordBodiesAreApart(t *testing.T) {
	t.Parallel()
	raw, err := EncodeRecords([]Record{text("one"), text("two")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseRecords(raw)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(got[0].Body, "overwritten by one"...)
	if string(got[1].Body) != "two" {
		t.Errorf("appending to the first body changed the second to %q", got[1].Body)
	}
}

func TestRecordsRefusedToSend(t *testing.T) {
	t.Parallel()
	ref := &Target{}
	big := func(n int) []Record { return []Record{{Kind: KindText, Body: make([]byte, n)}} }
	for name, c := range map[string]struct {
		records []Record
		code    string
	}{
		"none":                      {nil, "bad_record"},
		"padding":                   {[]Record{{}}, "bad_record"},
		"unknown kind":              {[]Record{{Kind: KindValue + 1}}, "bad_record"},
		"text with a reference":     {[]Record{{Kind: KindText, Ref: ref}}, "bad_record"},
		"reply without a reference": {[]Record{{Kind: KindReply}}, "bad_record"},
		"a byte too much":           {big(bus.MaxRecords - recordSize + 1), "too_large"},
		"too many":                  {append(big(bus.MaxRecords-recordSize), text("")), "too_large"},
	} {
		if _, err := EncodeRecords(c.records); bus.CodeOf(err) != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
	raw, err := EncodeRecords(big(bus.MaxRecords - recordSize))
	if err != nil || len(raw) != bus.MaxRecords {
		t.Errorf("the largest record: %d bytes, %v", len(raw), err)
	}
}

func TestRecordsRefused(t *testing.T) {
	t.Parallel()
	one, err := EncodeRecords([]Record{text("x")})
	if err != nil {
		t.Fatal(err)
	}
	reference := bytes.Clone(one)
	reference[17] = 2
	reply := bytes.Clone(one)
	reply[0] = byte(KindReply)
	for name, raw := range map[string][]byte{
		"empty":                     nil,
		"only padding":              make([]byte, 32),
		"padding behind":            append(bytes.Clone(one), 0),
		"half a record behind":      append(bytes.Clone(one), one[:5]...),
		"cut":                       one[:len(one)-1],
		"reference neither":         reference,
		"reply without a reference": reply,
		"over the limit":            bytes.Repeat(one, bus.MaxRecords/len(one)+1),
	} {
		_, err := ParseRecords(raw)
		wantErr(t, name, err, ErrFrame)
	}
}

func TestRecordsOfLaterVersions(t *testing.T) {
	t.Parallel()
	later := Record{Kind: 200, Ref: &Target{Number: 5}, Body: []byte("?")}
	got, err := ParseRecords(text("known").append(later.append(nil)))
	if err != nil || len(got) != 2 || !reflect.DeepEqual(got[0], later) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPadding(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{
		1: 32, 32: 32, 33: 256, 256: 256, 257: 1024, 1024: 1024, 1025: 2048, 5000: 5120, bus.MaxRecords: bus.MaxRecords,
	} {
		if got := padded(n); got != want {
			t.Errorf("%d bytes take %d, want %d", n, got, want)
		}
	}
}

func FuzzParseRecords(f *testing.F) {
	raw, err := EncodeRecords(everyKind())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:20])
	f.Add(make([]byte, 32))
	f.Fuzz(func(t *testing.T, raw []byte) {
		records, rest, ok := readRecords(raw)
		if !ok {
			return
		}
		var again []byte
		for _, r := range records {
			again = r.append(again)
		}
		if !bytes.Equal(append(again, rest...), raw) {
			t.Fatal("read records write other bytes")
		}
	})
}
