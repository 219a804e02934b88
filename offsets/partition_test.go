package offsets_test

import (
	"testing"

	"pylon-kafka/offsets"
)

// TestPartition_isThatOfJavaClients takes the hashes of Kafka's own UtilsTest.
func TestPartition_isThatOfJavaClients(t *testing.T) {
	t.Parallel()
	for key, murmur2 := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"abc":                        479470107,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
	} {
		for _, n := range []int32{1, 3, 16, 1000} {
			if got, want := offsets.Partition(key, n), murmur2&0x7fffffff%n; got != want {
				t.Errorf("Partition(%q, %d) = %d, want %d", key, n, got, want)
			}
		}
	}
}
