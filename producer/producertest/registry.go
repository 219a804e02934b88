package producertest

import (
	"os"
	"testing"
)

// RegistryURL returns the address of a real schema registry, which
// PYLON_KAFKA_TEST_REGISTRY_URL names. Without one the test is skipped, or fails if
// PYLON_KAFKA_REQUIRE_CONTAINERS is 1. The registry keeps its subjects: a test uses
// names that are new in every run.
func RegistryURL(tb testing.TB) string {
	tb.Helper()
	url := os.Getenv("PYLON_KAFKA_TEST_REGISTRY_URL")
	if url == "" {
		const reason = "PYLON_KAFKA_TEST_REGISTRY_URL names no schema registry with Confluent's API, such as http://localhost:8081"
		if os.Getenv("PYLON_KAFKA_REQUIRE_CONTAINERS") == "1" {
			tb.Fatal(reason)
		}
		tb.Skip(reason)
	}
	return url
}
