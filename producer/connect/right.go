package connect

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Resource is a kind of thing that Kafka's ACLs are about.
type Resource int

// The resources that we need rights on. The cluster is none of them: a topic is
// created by Create on the topic, and a producer with a transactional id needs no
// IdempotentWrite
// (https://kafka.apache.org/documentation/#operations_resources_and_protocols).
const (
	OnTopic Resource = iota
	OnTransactionalID
	OnGroup
)

// Right is one operation on one resource, by the names of Kafka's ACLs.
type Right struct {
	Operation string // such as Write
	Resource  Resource
	Name      string // of the resource
	Prefix    bool   // all resources whose name begins with Name
}

// String returns e.g. "Write on topic pylon.tags".
func (r Right) String() string {
	if r.Prefix {
		r.Name += "*"
	}
	switch r.Resource {
	case OnTransactionalID:
		return r.Operation + " on transactional id " + r.Name
	case OnGroup:
		return r.Operation + " on group " + r.Name
	default:
		return r.Operation + " on topic " + r.Name
	}
}

// Grant returns the command that grants the right to the user of the settings.
func (k *Kafka) Grant(r Right) string {
	flag := map[Resource]string{OnTopic: "--topic " + r.Name, OnTransactionalID: "--transactional-id " + r.Name, OnGroup: "--group " + r.Name}[r.Resource]
	broker := "BROKER"
	if len(k.Brokers) > 0 {
		broker = k.Brokers[0]
	}
	if r.Prefix {
		flag += " --resource-pattern-type prefixed"
	}
	return fmt.Sprintf("kafka-acls.sh --bootstrap-server %s --add --allow-principal User:%s --operation %s %s",
		broker, cmp.Or(k.SASL.Username, "NAME"), r.Operation, flag)
}

// DeniedError is that the cluster's ACLs do not give a right that is needed. It
// stays until somebody grants the right.
type DeniedError struct {
	Right Right
	Grant string // the command that grants it
	err   error
}

// Error names the right and the command.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("the cluster's ACLs do not allow %s; grant it with: %s (%v)", e.Right, e.Grant, e.err)
}

// Unwrap returns what the cluster said.
func (e *DeniedError) Unwrap() error { return e.err }

// Denied returns a *[DeniedError] for the right, if err says that the cluster
// does not allow something, and otherwise err as it is. The cluster itself does
// not say which operation it refused, so the caller does.
func (k *Kafka) Denied(err error, r Right) error {
	var already *DeniedError
	if !IsDenied(err) || errors.As(err, &already) {
		return err
	}
	return &DeniedError{Right: r, Grant: k.Grant(r), err: err}
}

// IsDenied reports whether err says that the cluster's ACLs do not allow
// something.
func IsDenied(err error) bool {
	for _, e := range []error{
		kerr.TopicAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
