package producer

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/twmb/franz-go/pkg/kfake"

	"pylon-kafka/extract"
	"pylon-kafka/extract/extracttest"
)

// BenchmarkPage takes a page of 999 issues from raw JSON to a committed
// transaction: the view asked, Avro, headers, compression, the broker (kfake, in
// this process), the cursor.
func BenchmarkPage(b *testing.B) {
	server := extracttest.NewServer(b, extracttest.Options{Seed: 1, Issues: 999, Limits: map[string]int{"*": 0}})
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	var cfg struct {
		Extract  extract.Config
		Producer Config
	}
	lookuper := envconfig.MapLookuper(map[string]string{
		"PYLON_API_TOKEN": "token", "PYLON_START_DATE": "2020-01-01T00:00:00Z", "PYLON_API_URL": server.URL,
		"PYLON_RATE_LIMITS": "0", "PYLON_WINDOW": "87600h", "PYLON_STREAMS": "issues", "KAFKA_BROKERS": cluster.ListenAddrs()[0],
	})
	if err := envconfig.ProcessWith(b.Context(), &envconfig.Config{Target: &cfg, Lookuper: lookuper}); err != nil {
		b.Fatal(err)
	}
	client, err := extract.NewClient(cfg.Extract, extract.Options{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := New(Options{Config: cfg.Producer, Extract: cfg.Extract, Client: client})
	if err != nil {
		b.Fatal(err)
	}
	if err := p.prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer p.keeper.cl.Close()
	t := p.tasks[0]
	session, err := openSession(b.Context(), t.set, t.wire)
	if err != nil {
		b.Fatal(err)
	}
	defer session.close()
	c := &committer{s: session, state: t.state, log: newPassLog(t.set.log, t.usage)}
	page, err := extract.NewIssues(client, cfg.Extract, extract.Ask{}).Fetch(b.Context(), extract.IssuesCursor{})
	if err != nil || len(page.Records) != 999 {
		b.Fatalf("%d records, %v", len(page.Records), err)
	}
	size := 0
	for _, r := range page.Records {
		size += len(r.JSON)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	prepare, memory := session.prepare(false), newIssueMemory(0)
	n := 0
	for b.Loop() {
		n++
		records := slices.Clone(page.Records)
		for i := range records {
			page.Records[i].Hash++ // a new version of each
			records[i].Hash = page.Records[i].Hash
			prepare(&records[i])
		}
		if err := c.commit(b.Context(), &batch{
			rule: differs{memory}, origin: originPoll, records: records, part: pollPart, cursor: json.RawMessage(fmt.Sprint(n)),
		}); err != nil {
			b.Fatal(err)
		}
	}
	if got := p.Status()[0].Records; got != int64(n)*999 {
		b.Fatalf("%d records committed, want %d", got, n*999)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n)/999, "µs/record")
}
