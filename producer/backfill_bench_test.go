package producer_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"pylon-kafka/extract/extracttest"
)

// helperEnv makes the test binary a server of its own process: "kafka", or
// "pylon N BYTES" for a sandbox of N issues of that mean size (0 is the sandbox's
// own). It prints its address and serves until its standard input ends. "plain
// PYLON KAFKA" is the program of [plainCopy].
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
	args := strings.Fields(what)
	switch args[0] {
	case "plain":
		return plainCopy(args[1], args[2])
	case "kafka":
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			return err
		}
		defer cluster.Close()
		fmt.Fprintln(os.Stdout, cluster.ListenAddrs()[0])
	default:
		opts := extracttest.Options{Seed: 1, Limits: map[string]int{"*": 0}}
		if _, err := fmt.Sscan(args[1]+" "+args[2], &opts.Issues, &opts.IssueBytes); err != nil {
			return err
		}
		server := httptest.NewServer(extracttest.New(opts))
		defer server.Close()
		fmt.Fprintln(os.Stdout, server.URL)
	}
	_, err := bufio.NewReader(os.Stdin).ReadString('\n')
	_ = err // the end of the input is the signal
	return nil
}

// startHelper starts the test binary as a server and returns its address.
func startHelper(tb testing.TB, what string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+what)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
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
	pylon := startHelper(b, fmt.Sprintf("pylon %d 0", issues))
	kafka := startHelper(b, "kafka")
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	took, cpu, resident := runSync(ctx, b, binary, pylon, kafka, "issues")
	b.ReportMetric(float64(issues)/took.Seconds(), "issues/s")
	b.ReportMetric(resident, "MiB-rss")
	b.ReportMetric(float64(cpu)/1000/float64(issues), "µs-cpu/issue")
}

// runSync runs a pass of the program over some streams and returns how long it
// took, what CPU time it used and its largest resident memory in MiB.
func runSync(ctx context.Context, tb testing.TB, binary, pylon, kafka string, streams ...string) (took, cpu time.Duration, resident float64) {
	tb.Helper()
	cmd := exec.CommandContext(ctx, binary, append([]string{"sync"}, streams...)...)
	cmd.Env = []string{
		"PYLON_API_TOKEN=token", "PYLON_START_DATE=2020-01-01T00:00:00Z", "PYLON_API_URL=" + pylon,
		"PYLON_RATE_LIMITS=0", "KAFKA_BROKERS=" + kafka, "LOG_LEVEL=error",
	}
	return measure(tb, cmd)
}

// measure runs a command to its end.
func measure(tb testing.TB, cmd *exec.Cmd) (took, cpu time.Duration, resident float64) {
	tb.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	// The high-water mark in rusage would count this process too, which forked
	// the other one.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			resident = max(resident, highWater(cmd.Process.Pid))
		case err := <-done:
			if err != nil {
				tb.Fatalf("%v: %v\n%s", cmd.Args, err, out.Bytes())
			}
			return time.Since(began), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), resident
		}
	}
}

// highWater returns a process's largest resident memory in MiB, 0 if it has ended.
func highWater(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib / 1024
}
