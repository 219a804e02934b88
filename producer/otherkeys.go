package producer

import (
	"context"
	"fmt"
)

// dropOtherKeys publishes tombstones for the keys of another form, by which alone
// the records that have them disappear, before anything is published anew. The
// cursor stays as it is.
func (s *session) dropOtherKeys(ctx context.Context) error {
	const most = 10_000 // of a transaction
	if len(s.otherKeys) == 0 || !s.tombstones {
		return nil
	}
	s.log.Warn("the topic holds records whose keys are of another form; they get tombstones, and their objects are published anew",
		"topic", s.topic.Name, "records", len(s.otherKeys))
	for len(s.otherKeys) > 0 {
		d := s.newDraft(originSweep, 0)
		for at, parent := range s.otherKeys {
			if len(d.records) == most {
				break
			}
			d.delete([]byte(at.key), at.partition, parent)
			delete(s.otherKeys, at)
		}
		if _, err := s.publish(ctx, d, s.doc); err != nil {
			return fmt.Errorf("tombstones for keys of another form: %w", err)
		}
	}
	return nil
}

// otherKeyRefused is the error for a topic with a key of another form that is not
// to be published anew.
func otherKeyRefused(s *session, at string) error {
	return refuse("topic %s holds a record with a key of another form (%s), of another KAFKA_KEY_FORMAT or another schema registry: "+
		"a consumer would take the two forms for two objects; either publish everything anew (`pylon-kafka publish-anew %s`), "+
		"which gives the other keys tombstones, or use another KAFKA_TOPIC_PREFIX", s.topic.Name, at, s.stream.Name)
}
