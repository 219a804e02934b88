package extracttest

import (
	"strconv"
	"strings"
)

// generator computes every object from the seed and the object's index, so that
// nothing needs to be held. It is never changed after New.
type generator struct {
	opts         Options
	seed         uint64
	ids          idMaker
	organization uuid
	start, now   int64    // the span, in milliseconds
	paragraphs   []string // sentences in <p>
	bodyBytes    int      // mean length of the drawn part of a body
	messages     spread
	threads      spread
}

func newGenerator(opts Options) *generator {
	g := &generator{
		opts:      opts,
		seed:      mix(uint64(opts.Seed) ^ 0x70796c6f6e),
		ids:       newIDMaker(opts.Seed),
		start:     opts.Start.UnixMilli(),
		now:       opts.Now.UnixMilli(),
		bodyBytes: bodyBytes(opts.IssueBytes),
		messages:  newSpread(opts.MessagesPerIssue),
		threads:   newSpread(opts.ThreadsPerIssue),
	}
	g.organization = g.ids.id(kindOrganization, 0)
	for _, s := range sentences {
		g.paragraphs = append(g.paragraphs, "<p>"+s+"</p>")
	}
	return g
}

// hash is what the content of an object is drawn from.
func (g *generator) hash(k kind, index int) uint64 {
	return mix(g.seed ^ uint64(k)<<indexBits ^ uint64(index))
}

func (g *generator) draw(k kind, index int) draw { return draw(g.hash(k, index)) }

// step is the time between two objects of a kind of which there are n: object i
// is made in its own step i of the span, so that created_at grows with i.
func (g *generator) step(n int) int64 {
	if n <= 0 {
		return 1
	}
	return max((g.now-g.start)/int64(n), 1)
}

// created is when object index of n was made, in milliseconds.
func (g *generator) created(k kind, index, n int) int64 {
	step := g.step(n)
	return g.start + int64(index)*step + int64(g.hash(k, index)>>1)%step
}

// spread is a number of children with a given mean: from 0 to about twice of it.
type spread uint64

func newSpread(mean float64) spread { return spread(mean * 2 * (1 << 16)) }

// count takes 32 random bits.
func (s spread) count(random uint64) int {
	u, rounding := random&0xffff, random>>16&0xffff
	return int((uint64(s)*u>>16 + rounding) >> 16)
}

const (
	// issueOverhead is what an issue's JSON holds beside the drawn part of its
	// body, escapes included; measured, see TestIssueBytes_isTheMeanOfAnIssue.
	issueOverhead = 1560
	// escaped is how much longer the sentences become as JSON, in a hundred.
	escaped = 127
	// defaultBodyBytes makes issues of about 2.4 kB.
	defaultBodyBytes = 700
	// fullBodyBytes is what issue 0 holds at least.
	fullBodyBytes = 1500
)

// bodyBytes is the mean length of a body that makes issues of that many bytes.
func bodyBytes(issueBytes int) int {
	if issueBytes <= 0 {
		return defaultBodyBytes
	}
	return max(issueBytes-issueOverhead, 0) * 100 / escaped
}

// body draws the HTML of an issue or a message: most are short, some are up to
// six times as long as the mean. An issue in eight shows a picture in it, by a
// signed URL.
func (g *generator) body(h uint64, number int) string {
	d := draw(h)
	u := d.next() >> 48
	u = u * u >> 16
	u = u * u >> 16
	least := g.bodyBytes * 3 / 7
	want := least + int(u*u>>16)*(g.bodyBytes-least)*9>>16
	if number == fullIssue+1 {
		want = max(want, fullBodyBytes)
	}
	var b strings.Builder
	b.Grow(want + 250)
	b.WriteString("<p>Ticket ")
	b.WriteString(strconv.Itoa(number))
	b.WriteString(".</p>")
	if h&7 == 0 || number == fullIssue+1 {
		b.WriteString(`<img src="`)
		b.WriteString(strings.ReplaceAll(g.signed(inlineFile|number, "inline.png"), "&", "&amp;"))
		b.WriteString(`" alt="">`)
	}
	for b.Len() < want {
		b.WriteString(g.paragraphs[d.below(len(g.paragraphs))])
	}
	return b.String()
}
