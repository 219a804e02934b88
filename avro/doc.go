// Package avro turns Pylon's JSON into Avro and back. It knows the schemas of
// the streams, the conversion and the wire formats, and nothing of HTTP or
// Kafka. Read [Codec] first.
//
// The schemas are schemas/<stream>.avsc, one for each stream, embedded. All
// records stand in the one namespace com.usepylon, without a version in it: a
// later schema of a stream is the same record, and evolves by Avro's rules. A
// record name means the same record in every schema. Every field but the
// primary key is ["null", T] with default null; times are timestamp-millis;
// enumerations are strings, since the API adds values without notice. No record
// contains itself, which Spark and Flink refuse: what nests without end is JSON
// text below the first level. The attribute "json" of a string field says that
// it holds the JSON text of an array or an object, as the API sent it. The last
// field of each record of a stream is unmapped, such a text or null.
//
// # Layouts and keys
//
// A [Layout] is derived from the one schema of a stream: nested as it is, or
// flat for sinks that want columns, with arrays of strings or, flat-text,
// without. Each has record names of its own. The attribute "pointer" of a field
// of a flat record is its place in the object, so that the object can be rebuilt
// from the schema alone. [KeyCodec] writes keys as records of their parts.
//
// # Nothing lost, nothing coerced
//
// What the API sent is in the field of its name, or in unmapped: one JSON object
// whose names are JSON Pointers (RFC 6901) from the root of the API's object, in
// every layout, and whose values are what stands there:
//
//   - A member that the schema does not know, at any level, goes to unmapped.
//   - A value that does not fit its field goes there too, and the field is
//     null. A string field takes JSON strings, a boolean field true and false,
//     a long field integers without fraction and exponent from -2^63 to 2^63-1
//     (not "1", 1.0, 1e3 or -0), a timestamp field strings that are RFC 3339
//     date-times exact to the millisecond in the years 1 to 9999 UTC (so not
//     the empty string), an array field arrays, a map or record field objects.
//     JSON text of an array takes any array, whatever its elements, and JSON
//     text of an object any object.
//   - An array of which one element does not fit, null included, goes there as
//     a whole. Of a map only the key whose value does not fit.
//   - A string with an escaped lone surrogate (which UTF-8 cannot hold) does
//     not fit a string field.
//   - In a flat layout, an object that leaves all of its columns null goes there
//     as a whole, where it can be told from null.
//
// From a record the API's JSON can therefore be rebuilt value by value, which
// [DecodeOptions] Merge does. Three things are the same value: a null member
// and an absent one where the schema knows the member (the API mixes both); two
// RFC 3339 texts of the same instant (the field holds the instant, and gives it
// back in UTC); and of members with the same name the last one, as most JSON
// readers see it. An empty list is not null, nor is an empty object.
// Bytes that are not UTF-8 are no JSON text: each becomes U+FFFD before the
// record is read, as in encoding/json, because Avro strings must be UTF-8.
//
// # Wire formats
//
// [AppendConfluent] and [AppendSingleObject] write the header before the
// binary; [ParseHeader] tells them apart. [Codec.Fingerprint] is CRC-64-AVRO of
// the Parsing Canonical Form, both computed here: goavro's canonical form is
// wrong for logical types and nested namespaces. [Decoder] reads the binary
// itself: goavro would allocate whatever a broken record asks for, knows no
// order of fields, and wraps unions.
package avro
