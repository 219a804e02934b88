"""Reads every topic of pylon-kafka and compares it, field by field, with the sandbox that it was filled from.

    reader.py BROKERS SANDBOX_URL TOPIC_PREFIX [SCHEMA_REGISTRY_URL]

It knows nothing of pylon-kafka but what its documentation says: confluent-kafka reads the topics; fastavro decodes
values in single-object encoding by the schemas topic, or confluent-kafka's AvroDeserializer by the registry.
"""

import datetime
import io
import json
import re
import sys
import urllib.request
from decimal import Decimal

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

# What an issue shows of time that passes: it differs from answer to answer.
CLOCKS = {
    "time_in_status_seconds", "business_hours_time_in_status_seconds",
    "active_time_seconds", "business_hours_active_time_seconds", "active_time_by_user",
}  # fmt: skip
# What signs a URL, alone or within HTML: it is new in every answer.
SIGNATURE = re.compile(r"""\?Expires=[^"'<>\s]*""")
# The member by which a child names its parent, added where the API sends none.
PARENTS = {"issue_messages": "issue_id", "issue_threads": "issue_id", "knowledge_base_articles": "knowledge_base_id"}


def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return parse(answer.read())


def parse(text):
    """JSON with every number exact."""
    return json.loads(text, parse_float=Decimal)


def connect(brokers):
    return Consumer({
        "bootstrap.servers": brokers,
        "group.id": "reader",  # the client wants one; it joins no group
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 20,  # nobody writes: waiting at the end of a topic is for nothing
    })


def records(consumer, topic):
    """Yields every committed record of a topic."""
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
    left = len(partitions)
    while left > 0:
        message = consumer.poll(30)
        if message is None:
            raise TimeoutError(f"{topic}: nothing came for 30 s")
        if message.error() is None:
            yield message
        elif message.error().code() == KafkaError._PARTITION_EOF:
            left -= 1
        else:
            raise KafkaException(message.error())


def objects(consumer, topic):
    """Yields key and value of every object that the records of a topic come to.

    A record counts in its partition: the newest of a key there, and without a value there is no object. Where partitions were
    added, a tombstone with the header `moved` stands in the old one, and may be read after the record in the new one.
    """
    newest = {(message.partition(), message.key()): message.value() for message in records(consumer, topic)}
    return ((key, value) for (_, key), value in newest.items() if value is not None)


class SingleObjectDecoder:
    """Decodes C3 01, the schema's CRC-64-AVRO with the least significant byte first, and the Avro binary."""

    def __init__(self, consumer, topic):
        self.schemas, self.texts = {}, {}
        for key, value in objects(consumer, topic):
            schema = json.loads(value)
            own = fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO")
            # The key has the most significant byte first, fastavro's hex digits are those of the header.
            if bytes.fromhex(own)[::-1].hex() != key.decode():
                raise ValueError(f"{topic}: schema {key.decode()} has the fingerprint {own} by fastavro")
            self.schemas[bytes.fromhex(own)] = fastavro.parse_schema(schema)
            self.texts[bytes.fromhex(own)] = schema

    def __call__(self, _topic, value):
        if value[:2] != b"\xc3\x01":
            raise ValueError(f"value begins with {value[:2].hex()}")
        body = io.BytesIO(value[10:])
        record = fastavro.schemaless_reader(body, self.schemas[value[2:10]])
        if body.read():
            raise ValueError("bytes are left after the record")
        return record, self.texts[value[2:10]]


class RegistryDecoder:
    """Decodes the Confluent wire format."""

    def __init__(self, url):
        self.client = SchemaRegistryClient({"url": url, "timeout": 30})
        # By default it asks for each topic's associated subject first, which not every registry knows.
        self.deserializer = AvroDeserializer(self.client, conf={"subject.name.strategy.type": "TOPIC"})

    def __call__(self, topic, value):
        schema = self.client.get_schema(int.from_bytes(value[1:5], "big"))  # the client keeps those that it has seen
        return self.deserializer(value, SerializationContext(topic, MessageField.VALUE)), json.loads(schema.schema_str)


def plain_key(decode, topic, key):
    """The plain key: the parts of a key in Avro are joined by a colon. No plain key begins as Avro does."""
    if key[:1] != b"\0" and key[:2] != b"\xc3\x01":
        return key.decode()
    record, _ = decode(topic, key)
    return ":".join(record.values())


def unfold(value, schema):
    """Puts the value in the place of JSON text, where a field's attribute "json" says that it holds some."""
    if isinstance(schema, list):
        schema = schema[-1]  # ["null", T]
    if value is None or isinstance(schema, str):
        return value
    if schema["type"] == "record":
        return {f["name"]: unfold_field(value[f["name"]], f) for f in schema["fields"]}
    if schema["type"] == "array":
        return [unfold(v, schema["items"]) for v in value]
    if schema["type"] == "map":
        return {k: unfold(v, schema["values"]) for k, v in value.items()}
    return value


def unfold_field(value, field):
    return parse(value) if "json" in field and value is not None else unfold(value, field["type"])


def rebuild(record, schema):
    """Gives back what the API sent, and the number of values that no field could hold."""
    got = unfold(record, schema)
    unmapped = got.pop("unmapped") or {}
    for field in schema["fields"]:
        if "pointer" in field:  # a column of the flat layout
            value = got.pop(field["name"])
            if value is not None:
                put(got, field["pointer"], value)
    for pointer, value in sorted(unmapped.items()):
        put(got, pointer, value)
    return got, len(unmapped)


def put(target, pointer, value):
    """Puts a value to the place in a tree that a JSON Pointer (RFC 6901) names."""
    *parents, name = [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]
    for p in parents:
        target = target[int(p)] if isinstance(target, list) else target.setdefault(p, {})
    target[int(name) if isinstance(target, list) else name] = value


def normal(value):
    """The form in which two versions of an object are compared: nulls are absent, signatures of URLs cut off."""
    if isinstance(value, dict):
        return {k: normal(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [normal(v) for v in value]
    return SIGNATURE.sub("", value) if isinstance(value, str) else value


def differences(got, want, path=""):
    """Yields where a decoded value is not what the API sent."""
    if isinstance(got, datetime.datetime):
        if not isinstance(want, str) or datetime.datetime.fromisoformat(want) != got:
            yield f"{path}: {got.isoformat()}, want the instant {want!r}"
    elif isinstance(got, dict) and isinstance(want, dict):
        for k in sorted(got.keys() | want.keys()):
            if k not in got or k not in want:
                yield f"{path}/{k}: {'missing' if k in want else 'not sent by the API'}"
            else:
                yield from differences(got[k], want[k], f"{path}/{k}")
    elif isinstance(got, list) and isinstance(want, list) and len(got) == len(want):
        for i, (g, w) in enumerate(zip(got, want)):
            yield from differences(g, w, f"{path}/{i}")
    elif isinstance(got, bool) != isinstance(want, bool) or got != want:
        yield f"{path}: {got!r}, want {want!r}"


def main(brokers, sandbox, prefix, registry=""):
    consumer = connect(brokers)
    decode = RegistryDecoder(registry) if registry else SingleObjectDecoder(consumer, prefix + "schemas")
    failed = unmapped = 0
    for stream in sorted(get(sandbox + "/_sandbox/stats")["objects"]):
        topic = prefix + stream
        want = {}
        for entry in get(f"{sandbox}/_sandbox/objects/{stream}")["objects"]:
            want[entry["key"]] = entry["object"]
            if stream in PARENTS:
                entry["object"].setdefault(PARENTS[stream], entry["parent"])
        rows, wrong = 0, []
        for key, value in objects(consumer, topic):
            key, rows = plain_key(decode, topic, key), rows + 1
            if key not in want:
                wrong.append(f"{key}: the API has no such object, or it is there twice")
                continue
            (got, kept), sent = rebuild(*decode(topic, value)), want.pop(key)
            unmapped += kept
            if stream == "issues":
                got, sent = ({k: v for k, v in o.items() if k not in CLOCKS} for o in (got, sent))
            wrong += [f"{key}{d}" for d in differences(normal(got), normal(sent))][:1]
        wrong += [f"{key}: missing" for key in want]
        print(f"python  {topic}  rows {rows}  mismatches {len(wrong)}")
        for line in wrong[:3]:
            print("   ", line, file=sys.stderr)
        failed += bool(wrong or rows == 0)
    consumer.close()
    print(f"python  {unmapped} values were in unmapped")
    return 1 if failed or unmapped == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
