package avro_test

import (
	"fmt"

	"pylon-kafka/avro"
)

// must ends an example that cannot go on.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func Example() {
	tags := must(avro.NewCodec("tags", avro.LayoutNested))
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
	decoder := must(avro.NewDecoder(tags.Schema())) // found by header.Fingerprint
	fmt.Println(header.Format)
	fmt.Println(string(must(decoder.JSON(nil, body, avro.DecodeOptions{}))))
	fmt.Println(string(must(decoder.JSON(nil, body, avro.DecodeOptions{Merge: true}))))
	// Output:
	// [/hex_color /created_by]
	// single-object
	// {"id":"t1","value":"billing","object_type":null,"hex_color":null,"unmapped":"{\"/hex_color\":255,\"/created_by\":{\"id\": \"u1\"}}"}
	// {"id":"t1","value":"billing","object_type":null,"hex_color":255,"created_by":{"id": "u1"}}
}

// A user in a flat layout, and the object rebuilt from it.
func ExampleLayout() {
	users := must(avro.NewCodec("users", avro.LayoutFlatText))
	fmt.Println(users.FullName())
	body, _, err := users.Encode(nil, []byte(`{"id":"u1","role_id":"r1","role":{"id":"r1","name":"Admin"},"emails":["a@us.example"]}`))
	if err != nil {
		panic(err)
	}
	for _, column := range users.Columns()[:4] {
		fmt.Println(column.Name, column.Key)
	}
	decoder := must(avro.NewDecoder(users.Schema()))
	fmt.Println(string(must(decoder.JSON(nil, body, avro.DecodeOptions{}))))
	fmt.Println(string(must(decoder.JSON(nil, body, avro.DecodeOptions{Merge: true}))))
	// Output:
	// com.usepylon.UserFlatText
	// id true
	// name false
	// email false
	// emails false
	// {"id":"u1","name":null,"email":null,"emails":"[\"a@us.example\"]","avatar_url":null,"status":null,"role_id":"r1","role__id":"r1","role_name":"Admin","role_slug":null,"is_deactivated":null,"unmapped":null}
	// {"id":"u1","name":null,"email":null,"emails":["a@us.example"],"avatar_url":null,"status":null,"role_id":"r1","is_deactivated":null,"role":{"id":"r1","name":"Admin"}}
}

func ExampleIdentify() {
	codec := must(avro.NewCodec("issues", avro.LayoutFlat))
	fmt.Println(avro.Identify(codec.Schema()))
	fmt.Println(avro.Identify(`"string"`))
	// Output:
	// issues flat true
	//  nested false
}

func ExampleKeyCodec() {
	keys := must(avro.NewKeyCodec("custom_fields"))
	fmt.Println(keys.FullName(), keys.Parts())
	body := must(keys.Encode(nil, "issue:cf01"))
	fmt.Printf("%q\n", body)
	fmt.Println(must(keys.Decode(body)))
	// Output:
	// com.usepylon.CustomFieldKey [object_type id]
	// "\nissue\bcf01"
	// issue:cf01
}
