package extracttest

import (
	"bytes"
	"encoding/base64"
	"math"
	"strings"
	"time"
)

// position is where a list goes on: after the object made at that time with
// that id. Lists begin with what was made last.
type position struct {
	ms int64
	id uuid
}

// newest is before everything.
var newest = position{ms: math.MaxInt64}

// after is true of an object that a list shows after the position.
func (p position) after(ms int64, id uuid) bool {
	return ms < p.ms || ms == p.ms && bytes.Compare(id[:], p.id[:]) < 0
}

const cursorTime = "2006-01-02T15:04:05.000Z"

func (p position) cursor() string {
	text := time.UnixMilli(p.ms).UTC().Format(cursorTime) + "|" + p.id.String()
	return base64.StdEncoding.EncodeToString([]byte(text))
}

// parseCursor returns newest for an empty cursor.
func parseCursor(cursor string) (position, *apiError) {
	if cursor == "" {
		return newest, nil
	}
	refused := badRequest("invalid cursor")
	text, err := base64.StdEncoding.DecodeString(cursor)
	if err != nil {
		return position{}, refused
	}
	at, key, found := strings.Cut(string(text), "|")
	if !found {
		return position{}, refused
	}
	t, err := time.Parse(cursorTime, at)
	if err != nil {
		return position{}, refused
	}
	id, ok := parseUUID(key)
	if !ok {
		return position{}, refused
	}
	return position{t.UnixMilli(), id}, nil
}

// pageWriter writes the envelope of a list into an exchange's buffer.
type pageWriter struct {
	x    *exchange
	n    int
	last position
	more bool // there is another page
}

// item makes room for one more object; the caller appends its JSON then.
func (p *pageWriter) item(at position) {
	if p.n == 0 {
		p.x.buf = append(p.x.buf, `{"data":[`...)
	} else {
		p.x.buf = append(p.x.buf, ',')
	}
	p.n++
	p.last = at
}

// end writes what comes after the objects. Of an empty list nothing is left but
// the request id, as the live API does.
func (p *pageWriter) end(paginated bool) {
	x := p.x
	cursor := ""
	if p.more {
		cursor = p.last.cursor()
	}
	switch f := x.fault; {
	case f != nil && f.NoData:
		if p.n == 0 {
			p.last = position{x.now.UnixMilli(), uuid{}}
		}
		x.buf = append(x.buf[:0], '{')
		x.appendPagination(p.last.cursor(), true)
		x.appendRequestID()
		x.shown = x.shown[:0]
		return
	case f != nil && f.RepeatCursor:
		p.more, cursor = true, x.cursor
	}
	if p.n == 0 {
		x.buf = append(x.buf[:0], '{')
		x.appendRequestID()
		return
	}
	x.buf = append(x.buf, `],`...)
	if paginated {
		x.appendPagination(cursor, p.more)
	}
	x.appendRequestID()
}

func (x *exchange) appendPagination(cursor string, more bool) {
	x.buf = append(x.buf, `"pagination":{"cursor":"`...)
	x.buf = append(x.buf, cursor...)
	x.buf = append(x.buf, `","has_next_page":`...)
	x.buf = appendBool(x.buf, more)
	x.buf = append(x.buf, `},`...)
}

// appendRequestID ends the envelope.
func (x *exchange) appendRequestID() {
	x.buf = append(x.buf, `"request_id":"`...)
	x.buf = x.requestID.append(x.buf)
	x.buf = append(x.buf, `"}`...)
}

// one writes an envelope around a single object.
func (x *exchange) one(object []byte) {
	x.buf = append(x.buf[:0], `{"data":`...)
	x.buf = append(x.buf, object...)
	x.buf = append(x.buf, ',')
	x.appendRequestID()
}

// done writes the envelope of an answer without data.
func (x *exchange) done() {
	x.buf = append(x.buf[:0], '{')
	x.appendRequestID()
}

// Markers of the parts of a signed URL, as resign looks for them.
var expiresMarker = []byte(signedExpires)

// resign overwrites expiry and signature of every signed URL in body, which
// differ from answer to answer.
func resign(body []byte, h uint64) {
	const digits = "0123456789"
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~"
	const rest = expiresLen + len(signedSignature) + signatureLen
	d := draw(h)
	for {
		i := bytes.Index(body, expiresMarker)
		if i < 0 {
			return
		}
		body = body[i+len(expiresMarker):]
		if len(body) < rest || string(body[expiresLen:expiresLen+len(signedSignature)]) != signedSignature {
			continue
		}
		r := d.next()
		for k := 4; k < expiresLen; k++ {
			body[k] = digits[r%10]
			r /= 10
		}
		for k := expiresLen + len(signedSignature); k < rest; k++ {
			if k%10 == 0 {
				r = d.next()
			}
			body[k] = letters[r&63]
			r >>= 6
		}
		body = body[rest:]
	}
}
