package offsets

import "github.com/twmb/franz-go/pkg/kgo"

// keyed chooses by the key alone, and so keeps no state: it is safe for concurrent
// use. To make one costs more than to use it.
var keyed = kgo.StickyKeyPartitioner(nil).ForTopic("")

// Partition returns the partition of n to which Kafka's default partitioner puts
// a key: that of the Java client and of most tools, which is murmur2 of the key.
// n must be at least 1. It is safe for concurrent use.
// https://github.com/apache/kafka/blob/4.3.1/clients/src/main/java/org/apache/kafka/clients/producer/internals/BuiltInPartitioner.java
func Partition(key string, n int32) int32 {
	return int32(keyed.Partition(&kgo.Record{Key: []byte(key)}, int(n)))
}
