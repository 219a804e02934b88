package producer

import (
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
	"pylon-kafka/extract"
	"pylon-kafka/producer/topics"
)

// deadLetter adds an object that cannot be published to the dead-letter topic,
// once as long as this process lives. It has a key in any case: a topic that
// somebody made compacted takes no record without.
func (d *draft) deadLetter(r *extract.Record, raw []byte, why error) error {
	s := d.s
	content := r.Hash
	if content == 0 { // it is no object
		content = xxhash.Sum64(raw)
	}
	if s.memory.hasLetter(content) {
		return nil
	}
	if len(raw) > topics.MaxBytesDeadLetter*9/10 {
		return refuse("record of key %q (request %s) cannot be published (%w), and its %d bytes are too many for topic %s",
			r.Key, r.RequestID, why, len(raw), s.letters)
	}
	s.log.Error("object goes to the dead-letter topic", "key", r.Key, "request_id", r.RequestID, "error", why)
	key := r.Key
	if key == "" {
		key = s.stream.Name + "/" + hashText(content)
	}
	d.records = append(d.records, &kgo.Record{
		Topic: s.letters,
		Key:   []byte(key),
		Value: raw,
		Headers: []kgo.RecordHeader{
			{Key: headerConnector, Value: []byte(s.connector)},
			{Key: "stream", Value: []byte(s.stream.Name)},
			{Key: "error", Value: []byte(why.Error())},
			{Key: "request_id", Value: []byte(r.RequestID)},
		},
	})
	d.counts.DeadLetters++
	d.letters = append(d.letters, content)
	return nil
}

// raw returns the JSON of a prepared record: as it came where that was kept,
// else made from its Avro, which holds every member.
func (s *session) raw(p *prepared) []byte {
	if p.raw != nil {
		return p.raw
	}
	decoder, err := avro.NewDecoder(s.codec.Schema())
	if err != nil {
		return p.value
	}
	text, err := decoder.JSON(nil, p.value[len(s.format.header):], avro.DecodeOptions{Merge: true})
	if err != nil {
		return p.value
	}
	return text
}

// tooManyLetters returns an error where a page holds more dead letters than the
// setting allows.
func (d *draft) tooManyLetters(most int) error {
	if most == 0 || d.counts.DeadLetters <= int64(most) {
		return nil
	}
	return refusedError{fmt.Errorf("%d objects of one page cannot be encoded, more than MAX_DEAD_LETTERS (%d): "+
		"nothing of the page is published; look at %s, or raise the limit", d.counts.DeadLetters, most, d.s.letters)}
}
