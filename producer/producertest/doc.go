// Package producertest has what tests need to see the program beside a real
// Kafka, and beside one that misbehaves. It knows Kafka and nothing of ours, so
// the tests of every package may use it.
//
//   - [StartKafka] starts Apache Kafka in a container for one test; [Shared]
//     keeps one for all the tests of a package. Where there is no Docker the test
//     is skipped, with the reason; with PYLON_KAFKA_REQUIRE_CONTAINERS=1 it fails.
//   - [RegistryURL] is where a real schema registry is, skipped or failed likewise.
//   - [Kafka.Pause] makes the broker stand still, as a machine does that swaps or
//     a virtual machine that is moved.
//   - [Proxy] is the network between one client and the broker: it can stand
//     still, break, and be slow, for this client alone.
package producertest
