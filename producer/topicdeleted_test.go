package producer_test

import (
	"context"
	"testing"
	"time"

	"pylon-kafka/extract/extracttest"
)

// TestRun_aTopicThatIsDeletedIsMadeAnewAndFilled deletes topics while nothing
// changes and no pass is due: one of a full refresh, the issues' and their
// messages', whose work queue the issues' topic is.
func TestRun_aTopicThatIsDeletedIsMadeAnewAndFilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, extracttest.Options{Seed: 71, Issues: 12})
	streams := []string{"tags", "issues", "issue_messages"}
	p := w.pipeline(t, "PYLON_STREAMS", "tags,issues,issue_messages", "PYLON_REFRESH_INTERVAL", "1h", "PYLON_POLL_INTERVAL", "200ms")
	p.SetWatch(100 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	full := func(stream string) bool {
		info := w.cluster.TopicInfo("pylon." + stream)
		return info != nil && len(w.table(t, stream)) == w.api.Count(stream)
	}
	for _, stream := range streams {
		eventually(t, stream+" is copied", func() bool { return full(stream) })
	}
	for _, stream := range streams {
		before := w.cluster.TopicInfo("pylon." + stream).TopicID
		w.deleteTopic(t, "pylon."+stream)
		eventually(t, stream+" is made anew and filled", func() bool {
			info := w.cluster.TopicInfo("pylon." + stream)
			return info != nil && info.TopicID != before && full(stream)
		})
		eventually(t, stream+" is up", func() bool { return byStream(p.Status())[stream].Up })
	}
	cancel()
	must(t, <-done)
	w.wantTruth(t, streams...)
}
