package extracttest

import (
	"encoding/hex"
	"math/bits"
)

// kind is the sort of object that an id belongs to.
type kind uint64

const (
	kindIssue kind = iota + 1
	kindMessage
	kindThread
	kindAccount
	kindContact
	kindTag
	kindTeam
	kindUser
	kindCustomField
	kindKnowledgeBase
	kindArticle
	kindTicketForm
	kindUserRole
	kindActivityType
	kindIssueStatus
	kindCollection
	kindAgent
	kindFile
	kindRequest
	kindOrganization
	kindOther // and those after it, for streams that name no kind
)

// An id carries its kind in 6 bits and the object's index in 58. A child's
// index is its issue's index followed by 20 bits for its own place.
const (
	indexBits = 58
	childBits = 20
)

func childIndex(issue, place int) int { return issue<<childBits | place }

// uuid is a version 4 UUID that carries kind and index of its object, scrambled
// by the seed. So the issue of an id is found without a table.
type uuid [16]byte

// mix is a bijection of 64-bit numbers with well spread bits (splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// draw is a small generator of random numbers: what is drawn from the same
// state is always the same.
type draw uint64

func (d *draw) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	x := uint64(*d)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below returns a number in [0, n), and 0 where n is not positive.
func (d *draw) below(n int) int {
	if n <= 0 {
		return 0
	}
	hi, _ := bits.Mul64(d.next(), uint64(n))
	return int(hi)
}

// oneIn is true once in n draws on average.
func (d *draw) oneIn(n int) bool { return d.below(n) == 0 }

// idMaker makes ids from kind and index, and finds both from the id.
type idMaker struct {
	rounds [4]uint64
	check  uint64
}

func newIDMaker(seed int64) idMaker {
	d := draw(mix(uint64(seed)))
	m := idMaker{check: d.next()}
	for i := range m.rounds {
		m.rounds[i] = d.next()
	}
	return m
}

// permute is a Feistel network: a bijection that unpermute turns back.
func (m *idMaker) permute(x uint64) uint64 {
	l, r := uint32(x>>32), uint32(x)
	for _, k := range m.rounds {
		l, r = r, l^uint32(mix(uint64(r)^k))
	}
	return uint64(l)<<32 | uint64(r)
}

func (m *idMaker) unpermute(x uint64) uint64 {
	l, r := uint32(x>>32), uint32(x)
	for i := len(m.rounds) - 1; i >= 0; i-- {
		l, r = r^uint32(mix(uint64(l)^m.rounds[i])), l
	}
	return uint64(l)<<32 | uint64(r)
}

func (m *idMaker) id(k kind, index int) uuid {
	x := m.permute(uint64(k)<<indexBits | uint64(index))
	c := mix(x ^ m.check)
	return uuid{
		byte(x >> 56), byte(x >> 48), byte(x >> 40), byte(x >> 32), byte(x >> 24), byte(x >> 16),
		0x40 | byte(c>>56)&0x0f, byte(c >> 48),
		0x80 | byte(c>>40)&0x3f, byte(c >> 32), byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c),
		byte(x >> 8), byte(x),
	}
}

// find returns kind and index of an id that this seed's id made.
func (m *idMaker) find(id uuid) (kind, int, bool) {
	x := uint64(id[0])<<56 | uint64(id[1])<<48 | uint64(id[2])<<40 | uint64(id[3])<<32 |
		uint64(id[4])<<24 | uint64(id[5])<<16 | uint64(id[14])<<8 | uint64(id[15])
	x = m.unpermute(x)
	k, index := kind(x>>indexBits), int(x&(1<<indexBits-1))
	return k, index, m.id(k, index) == id
}

// text is the id as it is written.
func (id uuid) text() (text [36]byte) {
	hex.Encode(text[:8], id[:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:], id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return text
}

func (id uuid) String() string {
	text := id.text()
	return string(text[:])
}

func parseUUID(text string) (uuid, bool) {
	var id uuid
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	digits := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return id, false
	}
	return id, true
}
