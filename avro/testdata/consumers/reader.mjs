// Reads every topic with kafkajs and the schema registry and prints every object for check.py.
//
//     node reader.mjs BROKERS PREFIX REGISTRY STREAM...
//
// kafkajs brings no zstd, which is what pylon-kafka compresses with unless KAFKA_COMPRESSION says otherwise: fzstd is one in
// plain JavaScript. kafkajs reads committed records only, unless it is told otherwise.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const require = createRequire(resolve(process.cwd(), 'package.json'));
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs');
const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry');
const avro = require('avsc');
const { decompress } = require('fzstd');

CompressionCodecs[CompressionTypes.ZSTD] = () => ({ decompress: async (data) => Buffer.from(decompress(data)) });

const [brokers, prefix, registryURL, ...streams] = process.argv.slice(2);
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.ERROR });
// avsc refuses a long that a double cannot hold, which an API may send: so they are BigInts.
const long = avro.types.LongType.__with({
  fromBuffer: (b) => b.readBigInt64LE(),
  toBuffer: (n) => { const b = Buffer.alloc(8); b.writeBigInt64LE(n); return b; },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (n) => typeof n === 'bigint',
  compare: (a, b) => (a === b ? 0 : a < b ? -1 : 1),
});
const registry = new SchemaRegistry({ host: registryURL }, { [SchemaType.AVRO]: { typeHook: (schema) => (schema === 'long' ? long : undefined) } });
const admin = kafka.admin();
await admin.connect();
const left = new Map(); // by topic and partition: the offset of the end
for (const stream of streams) {
  for (const { partition, high, low } of await admin.fetchTopicOffsets(prefix + stream)) {
    if (high !== low) left.set(`${prefix}${stream}/${partition}`, BigInt(high));
  }
}
const group = `node-${process.pid}-${Date.now()}`;
const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 100 });
await consumer.connect();
await consumer.subscribe({ topics: streams.map((s) => prefix + s), fromBeginning: true });
const objects = new Map(streams.map((s) => [s, new Map()]));
let finish;
const finished = new Promise((r) => (finish = r));
// What ends a transaction takes an offset, too: the end is where the batch ends, not the last record.
await consumer.run({
  eachBatchAutoResolve: true,
  eachBatch: async ({ batch }) => {
    const rows = objects.get(batch.topic.slice(prefix.length));
    for (const { key, value } of batch.messages) {
      // A record counts in its partition. Where some were added, a tombstone stands where an object was before it was moved.
      const place = `${batch.partition} ${key}`;
      if (value === null) rows.delete(place);
      else rows.set(place, await registry.decode(value));
    }
    const place = `${batch.topic}/${batch.partition}`;
    if (BigInt(batch.lastOffset()) + 2n >= (left.get(place) ?? 0n)) left.delete(place);
    if (left.size === 0) finish();
  },
});
await finished;
await consumer.disconnect();
await admin.deleteGroups([group]);
await admin.disconnect();
for (const [stream, rows] of objects) {
  for (const row of rows.values()) {
    const text = JSON.stringify(row, (_, v) => (typeof v === 'bigint' ? `long:${v}` : v));
    console.log(`${stream}\t${text.replace(/"long:(-?\d+)"/g, '$1')}`);
  }
}
