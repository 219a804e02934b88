package extracttest

import (
	"bytes"
	"encoding/base64"
	"hash/fnv"
	"io"
	"strings"
	"time"
)

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

// full is true of a page that takes no more objects, of a request with that limit.
func (p *pageWriter) full(limit int) bool {
	if most := p.x.api.opts.MaxPage; most > 0 {
		limit = min(limit, most)
	}
	return p.n >= limit
}

// hides is true of an object that the token does not see.
func (x *exchange) hides(key func() string) bool { return hidden(x.hide.objects, key) }

// hidden is true of an object that is among the share which is hidden.
func hidden(share float64, key func() string) bool {
	if share <= 0 || share >= 1 {
		return share > 0
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, key()) // a hash takes everything
	return float64(mix(h.Sum64())>>11)/(1<<53) < share
}

// item adds an object, whose JSON render appends.
func (p *pageWriter) item(at position, render func(dst []byte) []byte) {
	x := p.x
	if p.n == 0 {
		x.buf = append(x.buf, `{"data":[`...)
	} else {
		x.buf = append(x.buf, ',')
	}
	p.n++
	p.last = at
	begin := len(x.buf)
	x.buf = render(x.buf)
	if f := x.fault; f != nil {
		x.buf = pad(x.buf, f.ObjectBytes-(len(x.buf)-begin))
	}
}

// pad makes the object at the end of the buffer n bytes longer with spaces, that
// mean nothing in JSON.
func pad(buf []byte, n int) []byte {
	if n <= 0 {
		return buf
	}
	last := len(buf) - 1
	closing := buf[last]
	buf = append(buf[:last], bytes.Repeat([]byte{' '}, n)...)
	return append(buf, closing)
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
		x.shown = nil
		return
	case f != nil && f.EmptyPage != "":
		x.buf = append(x.buf[:0], emptyPages[f.EmptyPage]...)
		x.appendRequestID()
		x.shown = nil
		return
	case f != nil && f.RepeatCursor:
		p.more, cursor = true, x.asked.cursor
	}
	if p.n == 0 {
		x.done()
		return
	}
	x.buf = append(x.buf, `],`...)
	if paginated && (p.more || x.api.opts.LastPage == LastPageMarked) {
		x.appendPagination(cursor, p.more)
	}
	x.appendRequestID()
}

// emptyPages are how answers without data begin.
var emptyPages = map[EmptyPage]string{
	EmptyPageMissing: `{`, EmptyPageNull: `{"data":null,`, EmptyPageList: `{"data":[],`,
}

type paginationJSON struct {
	Cursor  string `json:"cursor"`
	HasNext bool   `json:"has_next_page"`
}

func (x *exchange) appendPagination(cursor string, more bool) {
	x.buf = append(x.buf, `"pagination":`...)
	x.buf = append(appendJSON(x.buf, paginationJSON{cursor, more}), ',')
}

// appendRequestID ends the envelope.
func (x *exchange) appendRequestID() {
	x.buf = append(x.buf, `"request_id":"`+x.requestID+`"}`...)
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

// resign overwrites expiry and signature of every signed URL in body, which
// differ from answer to answer.
func resign(body []byte, h uint64) {
	const digits = "0123456789"
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~"
	marker := []byte(signedExpires)
	d := draw(h)
	for {
		i := bytes.Index(body, marker)
		if i < 0 {
			return
		}
		body = body[i+len(marker):]
		signature := signatureAt(body)
		if signature == nil {
			continue
		}
		r := d.next()
		for k := 4; k < expiresLen; k++ {
			body[k] = digits[r%10]
			r /= 10
		}
		for k := range signature {
			if k%10 == 0 {
				r = d.next()
			}
			signature[k] = letters[r&63]
			r >>= 6
		}
	}
}

// signatureAt returns the signature in a body that begins with a signed URL's
// expiry, nil if that is no URL of ours.
func signatureAt(body []byte) []byte {
	if len(body) < expiresLen {
		return nil
	}
	for _, m := range signatureMarkers {
		if rest, found := bytes.CutPrefix(body[expiresLen:], []byte(m)); found && len(rest) >= signatureLen {
			return rest[:signatureLen]
		}
	}
	return nil
}
