package preflight_test

import (
	"net/http/httptest"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"pylon-kafka/avro"
	"pylon-kafka/producer/preflight"
	"pylon-kafka/producer/registry"
)

// TestRun_recordsOfAnotherForm has topics of another layout or key format, with a
// registry and without.
func TestRun_recordsOfAnotherForm(t *testing.T) {
	t.Parallel()
	nested, err := avro.NewCodec("tags", avro.LayoutNested)
	must(t, err)
	flat, err := avro.NewCodec("tags", avro.LayoutFlat)
	must(t, err)
	keys, err := avro.NewKeyCodec("tags")
	must(t, err)
	server := httptest.NewServer(srfake.NewRegistry().Handler())
	t.Cleanup(server.Close)
	reg := newRegistry(t, server.URL)
	var ids []int
	for _, schema := range []registry.Schema{{Topic: "n", Text: nested.Schema()}, {Topic: "f", Text: flat.Schema()}, {Topic: "k", Text: keys.Schema()}} {
		id, err := reg.ID(t.Context(), schema)
		must(t, err)
		ids = append(ids, id)
	}
	singleNested, singleFlat := avro.AppendSingleObject(nil, nested.Fingerprint()), avro.AppendSingleObject(nil, flat.Fingerprint())
	idNested := avro.AppendConfluent(nil, ids[0])
	avroKey := func(header []byte) []byte {
		key, err := keys.Encode(header, "k")
		must(t, err)
		return key
	}
	const earlier, earlierText = 0x1234, `{"type":"record","name":"TagFlat","namespace":"com.usepylon","fields":[]}`
	layouts := []string{"pylon.tags, partition 0, offset 0", "layout nested", "layout flat"}
	for name, test := range map[string]struct {
		registry *registry.Registry
		layout   avro.Layout
		avroKeys bool
		key      []byte
		value    []byte
		says     []string
	}{
		"flat after nested":                {nil, avro.LayoutFlat, false, []byte("k"), singleNested, layouts},
		"nested after flat":                {nil, avro.LayoutNested, false, []byte("k"), singleFlat, layouts},
		"nested after an earlier flat":     {nil, avro.LayoutNested, false, []byte("k"), avro.AppendSingleObject(nil, earlier), layouts},
		"an earlier flat":                  {nil, avro.LayoutFlat, false, []byte("k"), avro.AppendSingleObject(nil, earlier), nil},
		"an unknown schema":                {nil, avro.LayoutFlat, false, []byte("k"), avro.AppendSingleObject(nil, 0x99), []string{"pylon.schemas", "0000000000000099"}},
		"flat after nested, registry":      {reg, avro.LayoutFlat, false, []byte("k"), idNested, layouts},
		"flat, registry":                   {reg, avro.LayoutFlat, false, []byte("k"), avro.AppendConfluent(nil, ids[1]), nil},
		"Avro keys after plain":            {nil, avro.LayoutNested, true, []byte("k"), singleNested, []string{"a plain key", "KAFKA_KEY_FORMAT is avro"}},
		"plain keys after Avro":            {nil, avro.LayoutNested, false, avroKey(avro.AppendSingleObject(nil, keys.Fingerprint())), singleNested, []string{"an Avro key", "KAFKA_KEY_FORMAT is plain"}},
		"Avro keys":                        {nil, avro.LayoutNested, true, avroKey(avro.AppendSingleObject(nil, keys.Fingerprint())), singleNested, nil},
		"Avro keys, registry":              {reg, avro.LayoutNested, true, avroKey(avro.AppendConfluent(nil, ids[2])), idNested, nil},
		"Avro keys of another registry":    {reg, avro.LayoutNested, true, avroKey(avro.AppendConfluent(nil, 99)), idNested, []string{"an Avro key of another registry"}},
		"Avro keys from before a registry": {reg, avro.LayoutNested, true, avroKey(avro.AppendSingleObject(nil, keys.Fingerprint())), idNested, []string{"an Avro key of another registry"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t)
			opts := newWorld(t, cluster.ListenAddrs()[0]).options(t)
			opts.Registry, opts.Layout, opts.AvroKeys = test.registry, test.layout, test.avroKeys
			ensure(t, opts)
			cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.AllowAutoTopicCreation())
			must(t, err)
			defer cl.Close()
			must(t, cl.ProduceSync(t.Context(),
				&kgo.Record{Topic: "pylon.schemas", Key: []byte(avro.FingerprintText(earlier)), Value: []byte(earlierText)},
				&kgo.Record{Topic: "pylon.tags", Key: test.key, Value: test.value}).FirstErr())
			values := check(t, opts)["values"]
			if test.says == nil {
				if values.State != preflight.OK {
					t.Errorf("%+v, want ok", values)
				}
				return
			}
			if values.State != preflight.Failed {
				t.Errorf("%+v, want failed", values)
			}
			wantText(t, values.Detail+values.Fix, append(test.says, "publish-anew", "KAFKA_TOPIC_PREFIX")...)
		})
	}
}
