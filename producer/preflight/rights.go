package preflight

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pylon-kafka/producer/connect"
	"pylon-kafka/producer/topics"
)

// wantedTopic is a topic and what we do with it.
type wantedTopic struct {
	spec topics.Spec
	ops  []kmsg.ACLOperation
	lack string // what it costs to be without the topic; "": nothing works then
}

// operationNames are the operations as Kafka's tools write them.
func operationName(op kmsg.ACLOperation) string {
	switch op {
	case kmsg.ACLOperationRead:
		return "Read"
	case kmsg.ACLOperationWrite:
		return "Write"
	default:
		return op.String()
	}
}

// topics checks each topic, all at the same time.
func (c *cluster) topics(ctx context.Context, wanted []wantedTopic) []Check {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	req.IncludeTopicAuthorizedOperations = true
	for _, w := range wanted {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(w.spec.Name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, c.cl)
	if err != nil {
		return []Check{fail("topics", fmt.Errorf("list topics: %w", c.k.Explain(err)), "")}
	}
	checks := make([]Check, len(wanted))
	var looking sync.WaitGroup
	for i, w := range wanted {
		at := slices.IndexFunc(resp.Topics, func(t kmsg.MetadataResponseTopic) bool { return t.Topic != nil && *t.Topic == w.spec.Name })
		if at < 0 {
			checks[i] = fail("topic "+w.spec.Name, errors.New("the cluster does not say whether it is there"), "")
			continue
		}
		looking.Go(func() {
			checks[i] = c.topic(ctx, w, resp.Topics[at])
			if failed := checks[i]; w.lack != "" && failed.State == Failed {
				checks[i] = warn(failed.Name, fmt.Sprintf("%v; %s", failed.Err, w.lack), failed.Fix)
			}
		})
	}
	looking.Wait()
	return checks
}

// topic checks one topic by what the cluster says of it.
func (c *cluster) topic(ctx context.Context, w wantedTopic, t kmsg.MetadataResponseTopic) Check {
	name := "topic " + w.spec.Name
	err := kerr.ErrorForCode(t.ErrorCode)
	switch {
	case connect.IsDenied(err): // not even Describe, which Read and Write imply
		return c.lacking(name, rightsOn(w.spec.Name, w.ops), err)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return c.missingTopic(ctx, w)
	}
	if missing := lacks(t.AuthorizedOperations, w.ops); len(missing) > 0 {
		return c.lacking(name, rightsOn(w.spec.Name, missing), kerr.TopicAuthorizationFailed)
	}
	found, err := topics.Describe(ctx, c.cl, c.k, w.spec)
	if err != nil {
		return fail(name, err, "")
	}
	if warnings := found[0].Warnings; len(warnings) > 0 {
		return warn(name, strings.Join(warnings, "; "), "")
	}
	return good(name, describe(w.spec, found[0]))
}

// describe says what a topic that is as it should be is like.
func describe(spec topics.Spec, t topics.Topic) string {
	text := fmt.Sprintf("there, %d partitions", t.Partitions)
	if t.Partitions == 1 {
		text = "there, 1 partition"
	}
	if t.Compacted {
		text += ", compacted"
	}
	if at := slices.Max(append(t.Start, 0)); at > 0 && spec.Kind == topics.Table {
		text += fmt.Sprintf("; it begins at offset %d: what was before was removed by retention or by request, "+
			"and pylon-kafka publish-anew gives it again", at)
	}
	return text
}

func rightsOn(topic string, ops []kmsg.ACLOperation) []connect.Right {
	rights := make([]connect.Right, len(ops))
	for i, op := range ops {
		rights[i] = connect.Right{Operation: operationName(op), Name: topic}
	}
	return rights
}

// lacks returns the operations that are not in the cluster's word of what we may
// do. Brokers before 2.3 say nothing.
func lacks(authorized int32, ops []kmsg.ACLOperation) []kmsg.ACLOperation {
	if authorized == math.MinInt32 {
		return nil
	}
	may := kadm.DecodeACLOperations(authorized)
	return slices.DeleteFunc(slices.Clone(ops), func(op kmsg.ACLOperation) bool { return slices.Contains(may, op) })
}

// missingTopic checks whether a topic could be created, and used then.
func (c *cluster) missingTopic(ctx context.Context, w wantedTopic) Check {
	name := "topic " + w.spec.Name
	warning, err := topics.Validate(ctx, c.cl, c.k, w.spec)
	var denied *connect.DeniedError
	if errors.As(err, &denied) {
		return c.lacking(name, append([]connect.Right{denied.Right}, rightsOn(w.spec.Name, c.mayNot(ctx, w))...), err)
	}
	if err != nil {
		return fail(name, err, "")
	}
	if missing := c.mayNot(ctx, w); len(missing) > 0 {
		return c.lacking(name, rightsOn(w.spec.Name, missing), kerr.TopicAuthorizationFailed)
	}
	if warning != "" {
		return warn(name, "not there yet; will be created, and "+warning, "")
	}
	return good(name, "not there yet; will be created")
}

// mayNot returns which of the operations are refused on a topic that is not
// there, by requests that find nothing to do.
func (c *cluster) mayNot(ctx context.Context, w wantedTopic) []kmsg.ACLOperation {
	return slices.DeleteFunc(slices.Clone(w.ops), func(op kmsg.ACLOperation) bool {
		var code int16
		if op == kmsg.ACLOperationRead {
			code = c.fetchNothing(ctx, w.spec.Name)
		} else {
			code = c.produceNothing(ctx, w.spec.Name)
		}
		return code != kerr.TopicAuthorizationFailed.Code
	})
}

// fetchNothing asks for records of a topic that is not there and returns the
// code of the answer, or 0 without one.
func (c *cluster) fetchNothing(ctx context.Context, topic string) int16 {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID = -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.PartitionMaxBytes = 1
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	kresp, err := c.old.Broker(int(c.broker)).Request(ctx, req)
	resp, ok := kresp.(*kmsg.FetchResponse)
	if err != nil || !ok || len(resp.Topics) == 0 || len(resp.Topics[0].Partitions) == 0 {
		return 0
	}
	return resp.Topics[0].Partitions[0].ErrorCode
}

// produceNothing sends no records to a topic that is not there and returns the
// code of the answer, or 0 without one.
func (c *cluster) produceNothing(ctx context.Context, topic string) int16 {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 1000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	t.Partitions = append(t.Partitions, kmsg.NewProduceRequestTopicPartition())
	req.Topics = append(req.Topics, t)
	kresp, err := c.old.Broker(int(c.broker)).Request(ctx, req)
	resp, ok := kresp.(*kmsg.ProduceResponse)
	if err != nil || !ok || len(resp.Topics) == 0 || len(resp.Topics[0].Partitions) == 0 {
		return 0
	}
	return resp.Topics[0].Partitions[0].ErrorCode
}

// transactionalIDs checks the right to write with each transactional id: it ends
// a transaction of a producer that does not exist, which is refused for that
// reason only if the right is there.
func (c *cluster) transactionalIDs(ctx context.Context, ids []string) Check {
	const name = "transactional ids"
	errs := make([]error, len(ids))
	var asking sync.WaitGroup
	for i, id := range ids {
		asking.Go(func() {
			req := kmsg.NewPtrEndTxnRequest()
			req.TransactionalID, req.ProducerID, req.ProducerEpoch = id, math.MaxInt64, 0
			resp, err := req.RequestWith(ctx, c.cl)
			if err == nil {
				err = kerr.ErrorForCode(resp.ErrorCode)
			}
			errs[i] = err
		})
	}
	asking.Wait()
	var denied []connect.Right
	var refusal error
	for i, err := range errs {
		switch {
		case connect.IsDenied(err):
			denied, refusal = append(denied, connect.Right{Operation: "Write", Resource: connect.OnTransactionalID, Name: ids[i]}), err
		case err == nil, errors.Is(err, kerr.InvalidProducerIDMapping), errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.InvalidTxnState),
			errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.ConcurrentTransactions):
		default:
			return fail(name, fmt.Errorf("%s: %w", ids[i], c.k.Explain(err)), "")
		}
	}
	if len(denied) > 1 && len(denied) == len(ids) {
		denied = []connect.Right{{Operation: "Write", Resource: connect.OnTransactionalID, Name: c.k.TransactionalID(""), Prefix: true}}
	}
	if len(denied) > 0 {
		return c.lacking(name, denied, refusal)
	}
	return good(name, fmt.Sprintf("%s* may be used", c.k.TransactionalID("")))
}

// group checks the right to be a member of the replicas' group: it sends the
// heartbeat of a member that does not exist.
func (c *cluster) group(ctx context.Context) Check {
	group := c.k.Group()
	name := "group " + group
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = group, "pylon-kafka-check", math.MaxInt32
	resp, err := req.RequestWith(ctx, c.cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	switch {
	case connect.IsDenied(err):
		return c.lacking(name, []connect.Right{{Operation: "Read", Resource: connect.OnGroup, Name: group}}, err)
	case err == nil, errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.RebalanceInProgress),
		errors.Is(err, kerr.GroupIDNotFound):
		return good(name, "may be joined")
	default:
		return fail(name, c.k.Explain(err), "")
	}
}
