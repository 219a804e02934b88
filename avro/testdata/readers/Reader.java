import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.POJONode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.SchemaStore;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads every topic of pylon-kafka and compares it, field by field, with the sandbox that it was filled from.
 *
 * <pre>Reader BROKERS SANDBOX_URL TOPIC_PREFIX [SCHEMA_REGISTRY_URL]</pre>
 *
 * It knows nothing of pylon-kafka but what its documentation says: Kafka's own client reads the topics; Avro's own
 * BinaryMessageDecoder decodes values in single-object encoding by the schemas topic, or its GenericDatumReader those in
 * Confluent's wire format by the registry.
 */
public final class Reader {
    /** What an issue shows of time that passes: it differs from answer to answer. */
    private static final List<String> CLOCKS = List.of(
            "time_in_status_seconds", "business_hours_time_in_status_seconds",
            "active_time_seconds", "business_hours_active_time_seconds", "active_time_by_user");

    /** The member by which a child names its parent, added where the API sends none. */
    private static final Map<String, String> PARENTS = Map.of(
            "issue_messages", "issue_id", "issue_threads", "issue_id", "knowledge_base_articles", "knowledge_base_id");

    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    /** Decodes the value of a record, or a key in Avro. */
    private interface AvroDecoder {
        GenericRecord decode(byte[] data) throws IOException;
    }

    public static void main(String[] args) throws Exception {
        String brokers = args[0], sandbox = args[1], prefix = args[2];
        KafkaConsumer<byte[], byte[]> consumer = connect(brokers);
        AvroDecoder decoder = args.length > 3 ? fromRegistry(args[3]) : fromTopic(consumer, prefix + "schemas");
        int failed = 0, unmapped = 0;
        Collection<String> streams = new TreeSet<>();
        get(sandbox + "/_sandbox/stats").get("objects").fieldNames().forEachRemaining(streams::add);
        for (String stream : streams) {
            Map<String, ObjectNode> want = objects(sandbox, stream);
            List<String> wrong = new ArrayList<>();
            int rows = 0;
            for (ConsumerRecord<byte[], byte[]> record : objectsOf(read(consumer, prefix + stream))) {
                rows++;
                String key = plainKey(decoder, record.key());
                ObjectNode sent = want.remove(key);
                if (sent == null) {
                    wrong.add(key + ": the API has no such object, or it is there twice");
                    continue;
                }
                GenericRecord value = decoder.decode(record.value());
                ObjectNode got = (ObjectNode) plain(value, value.getSchema());
                unmapped += rebuild(got, value.getSchema());
                if (stream.equals("issues")) {
                    got.remove(CLOCKS);
                    sent.remove(CLOCKS);
                }
                List<String> differences = new ArrayList<>();
                compare("", got, sent, (path, what) -> differences.add(key + path + ": " + what));
                wrong.addAll(differences.subList(0, Math.min(1, differences.size())));
            }
            want.keySet().forEach(key -> wrong.add(key + ": missing"));
            System.out.printf("java    %s%s  rows %d  mismatches %d%n", prefix, stream, rows, wrong.size());
            wrong.stream().limit(3).forEach(line -> System.err.println("    " + line));
            failed += !wrong.isEmpty() || rows == 0 ? 1 : 0;
        }
        System.out.printf("java    %d values were in unmapped%n", unmapped);
        System.exit(failed > 0 || unmapped == 0 ? 1 : 0);
    }

    /** What the sandbox holds of a stream, by key. */
    private static Map<String, ObjectNode> objects(String sandbox, String stream) throws Exception {
        Map<String, ObjectNode> objects = new TreeMap<>();
        for (JsonNode entry : get(sandbox + "/_sandbox/objects/" + stream).get("objects")) {
            ObjectNode object = (ObjectNode) entry.get("object");
            if (PARENTS.containsKey(stream)) {
                object.putIfAbsent(PARENTS.get(stream), entry.get("parent"));
            }
            objects.put(entry.get("key").textValue(), object);
        }
        return objects;
    }

    private static JsonNode get(String url) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(60)).build();
        HttpResponse<byte[]> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofByteArray());
        if (answer.statusCode() != 200) {
            throw new IOException(url + " answered " + answer.statusCode());
        }
        return JSON.readTree(answer.body());
    }

    private static KafkaConsumer<byte[], byte[]> connect(String brokers) {
        Map<String, Object> config = new HashMap<>();
        config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        config.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        config.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 20); // nobody writes: waiting at the end of a topic is for nothing
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Every committed record of a topic. */
    private static List<ConsumerRecord<byte[], byte[]>> read(KafkaConsumer<byte[], byte[]> consumer, String topic)
            throws IOException {
        List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
        List<TopicPartition> partitions = new ArrayList<>();
        consumer.partitionsFor(topic).forEach(p -> partitions.add(new TopicPartition(topic, p.partition())));
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions); // up to the last stable offset
        Instant deadline = Instant.now().plusSeconds(60);
        while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
            consumer.poll(Duration.ofMillis(500)).forEach(all::add);
            if (Instant.now().isAfter(deadline)) {
                throw new IOException(topic + ": its end does not come in 60 s");
            }
        }
        return all;
    }

    /**
     * The records that are objects. A record counts in its partition: the newest of a key there, and without a value there
     * is no object. Where partitions were added, a tombstone with the header {@code moved} stands in the old one, and may be
     * read after the record in the new one.
     */
    private static Collection<ConsumerRecord<byte[], byte[]>> objectsOf(List<ConsumerRecord<byte[], byte[]>> records) {
        Map<List<Object>, ConsumerRecord<byte[], byte[]>> newest = new HashMap<>();
        records.forEach(r -> newest.put(List.of(r.partition(), ByteBuffer.wrap(r.key())), r));
        newest.values().removeIf(r -> r.value() == null);
        return newest.values();
    }

    /** The plain key: the parts of a key in Avro are joined by a colon. No plain key begins as Avro does. */
    private static String plainKey(AvroDecoder decoder, byte[] key) throws IOException {
        if (key[0] != 0 && !(key[0] == (byte) 0xc3 && key[1] == 1)) {
            return new String(key, StandardCharsets.UTF_8);
        }
        GenericRecord record = decoder.decode(key);
        List<String> parts = new ArrayList<>();
        record.getSchema().getFields().forEach(f -> parts.add(record.get(f.pos()).toString()));
        return String.join(":", parts);
    }

    /** Decodes the single-object encoding, with the schemas that a topic holds. */
    private static AvroDecoder fromTopic(KafkaConsumer<byte[], byte[]> consumer, String topic) throws IOException {
        SchemaStore.Cache schemas = new SchemaStore.Cache();
        for (ConsumerRecord<byte[], byte[]> record : read(consumer, topic)) {
            Schema schema = new Schema.Parser().parse(new String(record.value(), StandardCharsets.UTF_8));
            String own = String.format("%016x", SchemaNormalization.parsingFingerprint64(schema));
            String key = new String(record.key(), StandardCharsets.UTF_8);
            if (!own.equals(key)) {
                throw new IOException(topic + ": schema " + key + " has the fingerprint " + own + " by Avro");
            }
            schemas.addSchema(schema);
        }
        Map<Long, BinaryMessageDecoder<GenericRecord>> decoders = new HashMap<>();
        return value -> {
            long fingerprint = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getLong(2);
            // No read schema is given: a record is wanted as it was written.
            return decoders.computeIfAbsent(fingerprint, f -> new BinaryMessageDecoder<>(
                    new GenericData(), schemas.findByFingerprint(f), schemas)).decode(value);
        };
    }

    /** Decodes the Confluent wire format: a zero byte, the schema's id in a registry, the Avro binary. */
    private static AvroDecoder fromRegistry(String registry) {
        Map<Integer, Schema> schemas = new HashMap<>();
        return value -> {
            ByteBuffer header = ByteBuffer.wrap(value);
            if (header.get() != 0) {
                throw new IOException("value begins with " + value[0]);
            }
            Schema schema = schemas.computeIfAbsent(header.getInt(), id -> {
                try {
                    return new Schema.Parser().parse(get(registry + "/schemas/ids/" + id).get("schema").textValue());
                } catch (Exception e) {
                    throw new UncheckedIOException(new IOException("schema " + id, e));
                }
            });
            BinaryDecoder body = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
            GenericRecord record = new GenericDatumReader<GenericRecord>(schema).read(null, body);
            if (!body.isEnd()) {
                throw new IOException("bytes are left after the record");
            }
            return record;
        };
    }

    /** Makes a record what the API sent, and returns the number of values that no field could hold. */
    private static int rebuild(ObjectNode got, Schema schema) {
        JsonNode unmapped = got.remove("unmapped");
        for (Schema.Field f : schema.getFields()) {
            if (f.getProp("pointer") != null) { // a column of the flat layout
                JsonNode value = got.remove(f.name());
                if (!value.isNull()) {
                    put(got, f.getProp("pointer"), value);
                }
            }
        }
        unmapped.properties().forEach(e -> put(got, e.getKey(), e.getValue()));
        return unmapped.size();
    }

    /** An Avro value as JSON: unions unwrapped, JSON text as its value, a timestamp as a node that holds an Instant. */
    private static JsonNode plain(Object value, Schema schema) throws IOException {
        JsonNodeFactory nodes = JSON.getNodeFactory();
        switch (schema.getType()) {
            case UNION:
                return plain(value, schema.getTypes().get(GenericData.get().resolveUnion(schema, value)));
            case NULL:
                return nodes.nullNode();
            case RECORD:
                ObjectNode object = nodes.objectNode();
                for (Schema.Field f : schema.getFields()) {
                    Object v = ((GenericRecord) value).get(f.pos());
                    boolean text = f.getProp("json") != null && v != null;
                    object.set(f.name(), text ? JSON.readTree(v.toString()) : plain(v, f.schema()));
                }
                return object;
            case MAP:
                ObjectNode map = nodes.objectNode();
                for (Map.Entry<?, ?> e : ((Map<?, ?>) value).entrySet()) {
                    map.set(e.getKey().toString(), plain(e.getValue(), schema.getValueType()));
                }
                return map;
            case ARRAY:
                ArrayNode array = nodes.arrayNode();
                for (Object v : (Collection<?>) value) {
                    array.add(plain(v, schema.getElementType()));
                }
                return array;
            case STRING:
                return nodes.textNode(value.toString());
            case BOOLEAN:
                return nodes.booleanNode((Boolean) value);
            case LONG:
                boolean timestamp = schema.getLogicalType() instanceof LogicalTypes.TimestampMillis;
                return timestamp ? nodes.pojoNode(Instant.ofEpochMilli((Long) value)) : nodes.numberNode((Long) value);
            default:
                throw new IllegalArgumentException("a field of type " + schema.getType());
        }
    }

    /** Puts a value to the place in a tree that a JSON Pointer (RFC 6901) names. */
    private static void put(JsonNode tree, String pointer, JsonNode value) {
        int end = pointer.lastIndexOf('/');
        JsonNode parent = tree.at(pointer.substring(0, end));
        if (parent.isMissingNode() || parent.isNull()) {
            parent = ((ObjectNode) tree).withObject(pointer.substring(0, end));
        }
        String name = pointer.substring(end + 1).replace("~1", "/").replace("~0", "~");
        if (parent instanceof ArrayNode array) {
            array.set(Integer.parseInt(name), value);
        } else {
            ((ObjectNode) parent).set(name, value);
        }
    }

    /** Reports where a decoded value is not what the API sent. A null member is as good as none. */
    private static void compare(String path, JsonNode got, JsonNode want, BiConsumer<String, String> report) {
        if (got instanceof ObjectNode && want instanceof ObjectNode) {
            Collection<String> names = new TreeSet<>();
            got.fieldNames().forEachRemaining(names::add);
            want.fieldNames().forEachRemaining(names::add);
            for (String name : names) {
                JsonNode g = got.path(name), w = want.path(name);
                boolean none = g.isNull() || g.isMissingNode(), noneSent = w.isNull() || w.isMissingNode();
                if (none != noneSent) {
                    report.accept(path + "/" + name, none ? "missing" : "not sent by the API");
                } else if (!none) {
                    compare(path + "/" + name, g, w, report);
                }
            }
        } else if (got.isArray() && want.isArray() && got.size() == want.size()) {
            for (int i = 0; i < got.size(); i++) {
                compare(path + "/" + i, got.get(i), want.get(i), report);
            }
        } else if (!same(got, want)) {
            report.accept(path, got + ", want " + want);
        }
    }

    private static boolean same(JsonNode got, JsonNode want) {
        if (got instanceof POJONode instant) {
            return want.isTextual() && OffsetDateTime.parse(want.textValue()).toInstant().equals(instant.getPojo());
        }
        if (got.isNumber() && want.isNumber()) {
            return got.decimalValue().compareTo(want.decimalValue()) == 0;
        }
        if (got.isTextual() && want.isTextual()) {
            return unsigned(got.textValue()).equals(unsigned(want.textValue()));
        }
        return got.equals(want);
    }

    /** Text without the signatures of URLs, alone or within HTML, which are new in every answer. */
    private static String unsigned(String text) {
        return text.contains("?Expires=") ? text.replaceAll("\\?Expires=[^\"'<>\\s]*", "") : text;
    }
}
