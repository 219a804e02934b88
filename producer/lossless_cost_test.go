package producer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	twmb "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pylon-kafka/avro"
)

// TestLossless_15_memory is the largest resident memory of a first pass over the
// issues, limits off, of the program as it is shipped, in a process of its own.
func TestLossless_15_memory(t *testing.T) { //nolint:tparallel // One after the other: each is measured.
	t.Parallel()
	if testing.Short() {
		t.Skip("reads 350 MB")
	}
	binary := buildBinary(t)
	for _, test := range []struct {
		issues, bytes int
		most          float64 // MiB
	}{
		{20_000, 7_400, 90},
		{10_000, 20_000, 120},
	} {
		t.Run(fmt.Sprintf("%d issues of %d bytes", test.issues, test.bytes), func(t *testing.T) {
			pylon := startHelper(t, fmt.Sprintf("pylon %d %d", test.issues, test.bytes))
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
			defer cancel()
			const tries = 3 // on a busy machine the garbage collector comes late
			resident := math.Inf(1)
			for range tries {
				took, cpu, this := runSync(ctx, t, binary, pylon, startHelper(t, "kafka"), "issues")
				t.Logf("%.0f MiB, %v, %v of CPU", this, took.Round(time.Millisecond), cpu.Round(time.Millisecond))
				if resident = min(resident, this); resident <= test.most {
					break
				}
			}
			if resident > test.most {
				t.Errorf("%.0f MiB, want at most %.0f", resident, test.most)
			}
		})
	}
}

// BenchmarkFirstPass compares the CPU time of a first pass with that of the
// cheapest program that asks and writes the same ([plainCopy]), each in a process
// of its own, in turns. It reports the ratio.
func BenchmarkFirstPass(b *testing.B) {
	binary := buildBinary(b)
	const issues = 5000
	pylon := startHelper(b, fmt.Sprintf("pylon %d 7400", issues))
	var ours, plain time.Duration
	for b.Loop() {
		_, cpu, _ := runSync(b.Context(), b, binary, pylon, startHelper(b, "kafka"), "issues", "issue_messages")
		ours += cpu
		cmd := exec.CommandContext(b.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), helperEnv+"=plain "+pylon+" "+startHelper(b, "kafka"))
		_, cpu, _ = measure(b, cmd)
		plain += cpu
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "s-cpu")
	b.ReportMetric(plain.Seconds()/float64(b.N), "s-cpu-plain")
	b.ReportMetric(float64(ours)/float64(plain), "×-plain")
}

// plainCopy is the cheapest program that asks Pylon for the issues and their
// messages, and writes them as Avro to Kafka: no transactions, no comparison, no
// cursor, no tombstones, nothing retried; twmb/avro and one plain producer.
func plainCopy(pylon, kafka string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for _, topic := range []string{"pylon.issues", "pylon.issue_messages"} {
		if _, err := kadm.NewClient(cl).CreateTopic(context.Background(), 1, 1, nil, topic); err != nil {
			return err
		}
	}
	c := &plainCopier{pylon: pylon, cl: cl}
	issues, err := c.schema("issues")
	if err != nil {
		return err
	}
	messages, err := c.schema("issue_messages")
	if err != nil {
		return err
	}
	ids, err := c.search(issues)
	if err != nil {
		return err
	}
	const inFlight = 16
	jobs := make(chan string)
	var running sync.WaitGroup
	for range inFlight {
		running.Go(func() {
			for id := range jobs {
				if err := c.messages(messages, id); err != nil {
					c.failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	for _, id := range ids {
		jobs <- id
	}
	close(jobs)
	running.Wait()
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return cl.Flush(context.Background())
}

// plainCopier is what plainCopy works with.
type plainCopier struct {
	pylon  string
	cl     *kgo.Client
	failed atomic.Pointer[error]
}

// plainSchema encodes one stream.
type plainSchema struct {
	topic  string
	schema *twmb.Schema
}

func (c *plainCopier) schema(stream string) (plainSchema, error) {
	codec, err := avro.NewCodec(stream, avro.LayoutNested)
	if err != nil {
		return plainSchema{}, err
	}
	schema, err := twmb.Parse(codec.Schema())
	return plainSchema{"pylon." + stream, schema}, err
}

// plainPage is a page of a list.
type plainPage struct {
	Data       []map[string]any `json:"data"`
	Pagination struct {
		Cursor string `json:"cursor"`
		More   bool   `json:"has_next_page"`
	} `json:"pagination"`
}

func (c *plainCopier) ask(method, path string, body []byte) (plainPage, error) {
	var page plainPage
	req, err := http.NewRequestWithContext(context.Background(), method, c.pylon+path, bytes.NewReader(body))
	if err != nil {
		return page, err
	}
	req.Header.Set("Authorization", "Bearer token")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return page, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return page, err
	}
	err = json.Unmarshal(text, &page)
	return page, err
}

// search reads all issues and returns their ids.
func (c *plainCopier) search(s plainSchema) ([]string, error) {
	var ids []string
	cursor := ""
	for {
		body, err := json.Marshal(map[string]any{
			"filter": map[string]any{"field": "updated_at", "operator": "time_is_after", "value": "2020-01-01T00:00:00Z"},
			"limit":  999, "cursor": cursor,
		})
		if err != nil {
			return nil, err
		}
		page, err := c.ask(http.MethodPost, "/issues/search", body)
		if err != nil {
			return nil, err
		}
		for _, issue := range page.Data {
			id, err := c.write(s, issue)
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		if cursor = page.Pagination.Cursor; !page.Pagination.More {
			return ids, nil
		}
	}
}

// messages reads the messages of one issue.
func (c *plainCopier) messages(s plainSchema, issue string) error {
	page, err := c.ask(http.MethodGet, "/issues/"+issue+"/messages?limit=1000", nil)
	if err != nil {
		return err
	}
	for _, message := range page.Data {
		message["issue_id"] = issue
		if _, err := c.write(s, message); err != nil {
			return err
		}
	}
	return nil
}

// write encodes an object and produces it.
func (c *plainCopier) write(s plainSchema, object map[string]any) (id string, err error) {
	id, _ = object["id"].(string)
	value, err := s.schema.AppendEncode(nil, object)
	if err != nil {
		return id, fmt.Errorf("%s %s: %w", s.topic, id, err)
	}
	c.cl.Produce(context.Background(), &kgo.Record{Topic: s.topic, Key: []byte(id), Value: value}, func(_ *kgo.Record, err error) {
		if err != nil {
			c.failed.CompareAndSwap(nil, &err)
		}
	})
	return id, nil
}
