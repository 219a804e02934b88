package producer_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"pylon-kafka/extract/extracttest"
)

// helperEnv makes the test binary a server of its own process: "kafka", or
// "pylon N" for a sandbox of N issues. It prints its address and serves until
// its standard input ends.
const helperEnv = "PYLON_KAFKA_TEST_HELPER"

func TestMain(m *testing.M) {
	if what := os.Getenv(helperEnv); what != "" {
		if err := serveHelper(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	stopRealKafka()
	os.Exit(code)
}

func serveHelper(what string) error {
	if what == "kafka" {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			return err
		}
		defer cluster.Close()
		fmt.Fprintln(os.Stdout, cluster.ListenAddrs()[0])
	} else {
		issues, err := strconv.Atoi(strings.TrimPrefix(what, "pylon "))
		if err != nil {
			return err
		}
		server := httptest.NewServer(extracttest.New(extracttest.Options{Seed: 1, Issues: issues, Limits: map[string]int{"*": 0}}))
		defer server.Close()
		fmt.Fprintln(os.Stdout, server.URL)
	}
	_, err := bufio.NewReader(os.Stdin).ReadString('\n')
	_ = err // the end of the input is the signal
	return nil
}

// startHelper starts the test binary as a server and returns its address.
func startHelper(b *testing.B, what string) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+what)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// BenchmarkBackfill measures the program as it is deployed: sandbox, broker and
// pylon-kafka each in its own process, limits off, over loopback. It reports
// issues a second and the program's largest resident memory.
func BenchmarkBackfill(b *testing.B) {
	binary := buildBinary(b)
	for _, issues := range []int{100_000, 400_000} {
		b.Run(fmt.Sprintf("issues=%d", issues), func(b *testing.B) {
			for b.Loop() {
				backfill(b, binary, issues)
			}
		})
	}
}

func backfill(b *testing.B, binary string, issues int) {
	b.Helper()
	pylon := startHelper(b, fmt.Sprintf("pylon %d", issues))
	kafka := startHelper(b, "kafka")
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "sync", "issues")
	cmd.Env = []string{
		"PYLON_API_TOKEN=token", "PYLON_START_DATE=2020-01-01T00:00:00Z", "PYLON_API_URL=" + pylon,
		"PYLON_RATE_LIMITS=0", "KAFKA_BROKERS=" + kafka, "LOG_LEVEL=error",
	}
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("sync: %v\n%s", err, out)
	}
	took := time.Since(began)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("no resource usage")
	}
	b.ReportMetric(float64(issues)/took.Seconds(), "issues/s")
	b.ReportMetric(float64(usage.Maxrss)/1024, "MiB-rss")
	b.ReportMetric(float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())/1000/float64(issues), "µs-cpu/issue")
}
