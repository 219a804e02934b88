package producer

import (
	"bytes"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
)

// keyFormat makes a record's key of an object's, and back. The zero value is the
// plain form: the key as UTF-8.
type keyFormat struct {
	codec  *avro.KeyCodec // nil: plain
	header []byte         // what the wire format puts before the Avro; nil: not known, and any is read
}

// encode returns the key of an object's records.
func (k keyFormat) encode(key string) ([]byte, error) {
	if k.codec == nil {
		return []byte(key), nil
	}
	out, err := k.codec.Encode(append(make([]byte, 0, len(k.header)+len(key)+4), k.header...), key)
	if err != nil {
		return nil, fmt.Errorf("KAFKA_KEY_FORMAT=avro: %w", err)
	}
	return out, nil
}

// decode returns the object's key of a record; ok is false where the record has
// a key of another form, which the same object would not get now: of the other
// format, or with another header, since keys are compared byte by byte.
func (k keyFormat) decode(key []byte) (plain string, ok bool) {
	_, body, err := avro.ParseHeader(key)
	if k.codec == nil {
		return string(key), err != nil
	}
	if err != nil || !bytes.HasPrefix(key, k.header) {
		return "", false
	}
	plain, err = k.codec.Decode(body)
	return plain, err == nil
}

// format is how a session writes keys and values.
type format struct {
	header  []byte        // what stands before the Avro in every value
	keys    keyFormat     // likewise for keys
	unknown []*kgo.Record // schemas that the schemas topic lacks: published before the first record that needs them
}
