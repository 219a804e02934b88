package offsets

import "github.com/twmb/franz-go/pkg/kgo"

// Partition returns the partition of n to which Kafka's default partitioner puts
// a key: that of the Java client and of most tools, which is murmur2 of the key.
// n must be at least 1.
// https://github.com/apache/kafka/blob/4.3.1/clients/src/main/java/org/apache/kafka/clients/producer/internals/BuiltInPartitioner.java
func Partition(key string, n int32) int32 {
	rec := &kgo.Record{Key: []byte(key)}
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(rec, int(n)))
}
