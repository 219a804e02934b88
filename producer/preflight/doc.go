// Package preflight checks what a run needs before it begins, and changes
// nothing: whose the token is and which endpoints it may ask, the brokers, each
// topic and what of it loses data, cursors that stand in two partitions, each right
// by resource and operation, the schema registry.
//
// Rights are told by what Kafka says a client may do with a topic (KIP-430), and
// where it says nothing (transactional ids, groups, topics that are not there
// yet) by requests that cannot change anything whatever the answer is: the end
// of a transaction of a producer that does not exist, the heartbeat of a member
// that does not exist, a write of nothing. Kafka looks at the rights first, so
// the refusal tells which it was. (KafkaApis.scala and
// ConsumerGroupCoordinator of Apache Kafka 4.3.)
//
// All together ends within nine seconds, whatever hangs.
package preflight
