package seal

import "io"

// exactReader returns left bytes of src and then demands exactly pad zeros and
// the end; a source that is shorter, or goes on otherwise, ends in wrong.
// io.LimitReader would stop before the end and so never learn that it was cut.
type exactReader struct {
	src       io.Reader
	left, pad int64
	wrong     error
	err       error // said for ever
}

func (r *exactReader) Read(p []byte) (n int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.left == 0 {
		r.err = r.finish()
		return 0, r.err
	}
	n, err = r.src.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if err == io.EOF && r.left > 0 {
		err = r.wrong
	} else if err == io.EOF {
		err = nil // finish asks again
	}
	r.err = err
	return n, err
}

// finish returns io.EOF when src ends as it should.
func (r *exactReader) finish() error {
	var buf [512]byte
	for {
		n, err := r.src.Read(buf[:])
		if r.pad -= int64(n); r.pad < 0 || !allZero(buf[:n]) {
			return r.wrong
		}
		if err == io.EOF && r.pad > 0 {
			return r.wrong
		}
		if err != nil {
			return err
		}
	}
}

// readAll fills b; a source that ends before is errPack, other errors are its own.
func readAll(src io.Reader, b []byte) error {
	for len(b) > 0 {
		n, err := src.Read(b)
		b = b[n:]
		if len(b) > 0 && err == io.EOF {
			return errPack
		}
		if err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

// zeros is an endless source of padding.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
