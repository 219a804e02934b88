// Package connect holds the settings by which Kafka is reached and makes the
// options of a client from them: brokers, TLS, SASL, names of topics and of
// transactional ids.
//
// A secret in a file (a password, a client secret, a certificate with its key,
// the certificates of an authority) is read again for each connection that is
// made. So a file that is exchanged counts from the next connection on, without
// a restart: a broker that refuses what was in it is asked anew with what is in
// it then.
//
// Errors name the setting that would mend them. [Kafka.Explain] adds it to what
// a broker or the client library says; [Kafka.Denied] names the right that is
// missing and the command that grants it. No error holds a secret.
//
// Read [Kafka] first.
package connect
