package avro_test

import (
	"fmt"

	"pylon-kafka/avro"
)

func Example() {
	tags, err := avro.NewCodec("tags", avro.LayoutNested)
	if err != nil {
		panic(err)
	}
	record := []byte(`{"id": "t1", "value": "billing", "hex_color": 255, "created_by": {"id": "u1"}}`)
	value := avro.AppendSingleObject(nil, tags.Fingerprint())
	value, unmapped, err := tags.Encode(value, record)
	if err != nil {
		panic(err)
	}
	fmt.Println(unmapped)

	header, body, err := avro.ParseHeader(value)
	if err != nil {
		panic(err)
	}
	decoder, err := avro.NewDecoder(tags.Schema()) // found by header.Fingerprint
	if err != nil {
		panic(err)
	}
	plain, err := decoder.JSON(nil, body, avro.DecodeOptions{Merge: true})
	if err != nil {
		panic(err)
	}
	fmt.Println(header.Format)
	fmt.Println(string(plain))
	// Output:
	// [/hex_color /created_by]
	// single-object
	// {"id":"t1","value":"billing","object_type":null,"hex_color":255,"created_by":{"id": "u1"}}
}
