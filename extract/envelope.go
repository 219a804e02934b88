package extract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// maxRecord bounds one record. A page as a whole has no bound: it is decoded
// as it comes in.
const maxRecord = 64 << 20

// envelope is what the API wraps every answer in, without the elements of a list.
type envelope struct {
	data      jsontext.Kind // of the member data: '[', '{', 'n', or 0 where there is none
	count     int           // elements of a list
	object    []byte        // data itself, if it is an object
	cursor    string
	hasNext   bool
	requestID string
	failed    bool // it says that there were errors
}

// decodeEnvelope reads one answer to its end and gives each element of a list to
// each, which must copy what it keeps. An error that is not the body's own
// (connection, timeout, errTooLarge) is errBroken; then what was given to each
// is worth nothing. The envelope is returned as far as it was read.
//
// Names that occur twice and invalid UTF-8 are let through: what the API sent
// must reach those who convert it.
func decodeEnvelope(body *bodyReader, each func(raw []byte)) (envelope, error) {
	var env envelope
	err := env.decode(body, each)
	switch {
	case err == nil:
		return env, nil
	case body.err != nil:
		return env, body.err
	}
	return env, fmt.Errorf("%w: %w", errBroken, err)
}

func (env *envelope) decode(body *bodyReader, each func(raw []byte)) error {
	dec := jsontext.NewDecoder(body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if token, err := dec.ReadToken(); err != nil {
		return err
	} else if token.Kind() != '{' {
		return fmt.Errorf("want a JSON object, got %s", token.Kind())
	}
	for dec.PeekKind() != '}' {
		body.beginValue()
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		switch name.String() {
		case "data":
			err = env.decodeData(dec, body, each)
		case "pagination":
			err = env.decodePagination(dec)
		case "request_id":
			err = decodeString(dec, &env.requestID)
		case "errors":
			var raw jsontext.Value
			raw, err = dec.ReadValue()
			env.failed = err == nil && raw.Kind() != 'n' && !bytes.Equal(bytes.Trim(raw, "[] \t\r\n"), nil)
		default:
			err = dec.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("something follows after the answer's end")
		}
		return err
	}
	switch {
	case env.failed:
		return errors.New("a success that lists errors")
	case env.data == 0 && env.requestID == "":
		// An empty list comes without data, but with its request's id. This is some proxy's JSON.
		return errors.New("neither data nor a request id")
	}
	return nil
}

func (env *envelope) decodeData(dec *jsontext.Decoder, body *bodyReader, each func(raw []byte)) error {
	if env.data != 0 {
		return errors.New("data twice")
	}
	switch env.data = dec.PeekKind(); env.data {
	case '[':
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		for dec.PeekKind() != ']' {
			body.beginValue()
			raw, err := dec.ReadValue()
			if err != nil {
				return err
			}
			env.count++
			body.elements++
			each(raw)
		}
		_, err := dec.ReadToken()
		return err
	case '{':
		raw, err := dec.ReadValue()
		env.object = bytes.Clone(raw)
		return err
	case 'n':
		return dec.SkipValue()
	default:
		if err := dec.SkipValue(); err != nil {
			return err
		}
		return fmt.Errorf("data is %s, want a list or an object", env.data)
	}
}

func (env *envelope) decodePagination(dec *jsontext.Decoder) error {
	if dec.PeekKind() == 'n' {
		return dec.SkipValue()
	}
	if token, err := dec.ReadToken(); err != nil {
		return err
	} else if token.Kind() != '{' {
		return fmt.Errorf("pagination is %s, want an object", token.Kind())
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		switch name.String() {
		case "cursor":
			err = decodeString(dec, &env.cursor)
		case "has_next_page":
			var token jsontext.Token
			switch token, err = dec.ReadToken(); {
			case err != nil:
			case token.Kind() == 't' || token.Kind() == 'f':
				env.hasNext = token.Bool()
			case token.Kind() != 'n':
				err = fmt.Errorf("has_next_page is %s, want true or false", token.Kind())
			}
		default:
			err = dec.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// decodeString reads a string, or null as an empty one.
func decodeString(dec *jsontext.Decoder, to *string) error {
	token, err := dec.ReadToken()
	switch {
	case err != nil:
		return err
	case token.Kind() == 'n':
		return nil
	case token.Kind() != '"':
		return fmt.Errorf("got %s, want a string", token.Kind())
	}
	*to = token.String()
	return nil
}

// bodyReader reads the body of an answer. It puts off the end of the try while
// bytes come in, bounds the size of one value, and remembers which errors are
// the connection's and not the decoder's.
type bodyReader struct {
	r        io.Reader
	alive    *time.Timer // ends the try; nil: never
	idle     time.Duration
	cause    func() error // why the try ended, if it did
	value    int          // bytes read since the current value began, about
	maxValue int
	page     int // bytes read so far
	maxPage  int // a list of several elements may not be larger; 0: it may
	elements int // of the list, so far
	err      error
}

// beginValue says that the next value begins about here.
func (b *bodyReader) beginValue() { b.value = 0 }

func (b *bodyReader) Read(p []byte) (int, error) {
	if b.value > b.maxValue {
		b.err = errTooLarge
		return 0, b.err
	}
	if b.maxPage > 0 && b.page > b.maxPage && b.elements > 1 {
		b.err = &largePage{held: b.elements}
		return 0, b.err
	}
	n, err := b.r.Read(p)
	b.value += n
	b.page += n
	if b.alive != nil && n > 0 {
		b.alive.Reset(b.idle)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if b.cause != nil {
			if cause := b.cause(); cause != nil {
				err = cause
			}
		}
		b.err = err
	}
	return n, err
}
