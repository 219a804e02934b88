package settings

// meaning is what a setting is for, in words.
type meaning struct {
	text     string
	required bool
	unset    string // what happens without it, where the default is none
}

// Meaning is what the setting is for, in a sentence.
func (s Setting) Meaning() string { return meanings()[s.Name].text }

// DefaultText is what the setting is where nobody sets it, in words.
func (s Setting) DefaultText() string {
	m := meanings()[s.Name]
	switch {
	case m.required:
		return "required"
	case s.Default != "":
		return "`" + s.Default + "`"
	default:
		return m.unset
	}
}

// meanings says what every setting is for. A test holds that none is left out.
func meanings() map[string]meaning {
	return map[string]meaning{
		"PYLON_API_TOKEN":          {text: "made by an admin at app.usepylon.com/settings/api-tokens; or PYLON_API_TOKEN_FILE", required: true},
		"PYLON_API_TOKEN_FILE":     {text: "a file that holds the token"},
		"PYLON_START_DATE":         {text: "UTC, such as 2024-01-31T00:00:00Z: issues last updated before it are not read", required: true},
		"PYLON_API_URL":            {text: "EU: https://api.eu.usepylon.com"},
		"PYLON_STREAMS":            {text: "names, with commas between them", unset: "all"},
		"PYLON_POLL_INTERVAL":      {text: "how often changed issues are asked for"},
		"PYLON_REFRESH_INTERVAL":   {text: "how often a stream is read whole that Pylon gives no changes of"},
		"PYLON_INTERVALS":          {text: "other intervals by stream: tags:24h,accounts:10m"},
		"PYLON_RECONCILE_INTERVAL": {text: "how often all issues are listed and compared, for deletions and missed changes, from the end of the last time; 0 is never. sync does it only when it is due"},
		"PYLON_SWEEP_INTERVAL":     {text: "how often the children of every issue are read once more, likewise"},
		"PYLON_LOOKBACK":           {text: "how far the search for changes reaches back, for what Pylon's index shows late"},
		"PYLON_WINDOW":             {text: "the longest range of time that one search of a backfill asks for"},
		"PYLON_RATE_LIMITS": {
			text:  "requests a minute by endpoint: issues_search:120,issue_messages:20; 0 is no limit, and 0 alone turns all off. \"pylon-kafka streams\" lists the endpoints; beside them there are issues_list (sweep), issues_get and me",
			unset: "as documented",
		},
		"PUBLISH":                        {text: "changes: what differs from what consumers have; snapshot: everything, on every pass of a stream that is read whole"},
		"TOMBSTONES":                     {text: "publish a record without a value for an object that was deleted"},
		"TOMBSTONES_MAX_SHARE":           {text: "a complete read that would delete a larger share of at least 20 known objects is not believed; 1 believes all"},
		"VALUE_LAYOUT":                   {text: "nested, or flat: columns instead of records, for sinks that want them"},
		"FLAT_ARRAYS":                    {text: "of a flat value: arrays of strings stay arrays, or text makes JSON text of them"},
		"KAFKA_KEY_FORMAT":               {text: "plain: the key as UTF-8; avro: a record of its parts, for sinks that want keys by name"},
		"CONNECTOR_NAME":                 {text: "first half of the keys of the offsets topic; two deployments that share topics differ here"},
		"MAX_DEAD_LETTERS":               {text: "a page with more objects that cannot be encoded stops its stream; 0 is no limit"},
		"KAFKA_BROKERS":                  {text: "host:port, with commas between them", required: true},
		"KAFKA_CLIENT_ID":                {text: "by which brokers' logs and quotas know this client"},
		"KAFKA_RACK_ID":                  {text: "reads from the replica in this rack"},
		"KAFKA_TOPIC_PREFIX":             {text: "a topic is named by this prefix and its stream"},
		"KAFKA_OFFSETS_TOPIC":            {text: "keeps the cursors", unset: "prefix + `offsets`"},
		"KAFKA_OFFSETS_PARTITIONS":       {text: "of the offsets topic where it is created: the number of leases that replicas share"},
		"KAFKA_GROUP_ID":                 {text: "the consumer group of the replicas that share the streams", unset: "the transactional id prefix"},
		"KAFKA_SESSION_TIMEOUT":          {text: "how long a dead replica is missed"},
		"KAFKA_TRANSACTIONAL_ID_PREFIX":  {text: "one id a stream: this prefix, a dash, the stream"},
		"KAFKA_TOPIC_PARTITIONS":         {text: "of topics that are created"},
		"KAFKA_TOPIC_REPLICATION_FACTOR": {text: "of topics that are created; -1 is the broker's default"},
		"KAFKA_CREATE_TOPICS":            {text: "create topics that are not there"},
		"KAFKA_COMPRESSION":              {text: "zstd, gzip (which every client can read), snappy, lz4 or none"},
		"KAFKA_TLS_ENABLED":              {text: "use TLS; the other KAFKA_TLS_ settings imply it"},
		"KAFKA_TLS_CA_FILE":              {text: "PEM file of the authorities that signed the brokers' certificates", unset: "the system's"},
		"KAFKA_TLS_CERT_FILE":            {text: "PEM file of the client's certificate"},
		"KAFKA_TLS_KEY_FILE":             {text: "PEM file of its key"},
		"KAFKA_TLS_SERVER_NAME":          {text: "name that the brokers' certificates must have", unset: "the host"},
		"KAFKA_TLS_INSECURE_SKIP_VERIFY": {text: "believe every certificate: for tests only"},
		"KAFKA_SASL_MECHANISM":           {text: "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM", unset: "none"},
		"KAFKA_SASL_USERNAME":            {text: "of PLAIN and SCRAM"},
		"KAFKA_SASL_PASSWORD":            {text: "of PLAIN and SCRAM; or KAFKA_SASL_PASSWORD_FILE"},
		"KAFKA_SASL_PASSWORD_FILE":       {text: "a file that holds the password"},
		"KAFKA_SASL_TOKEN_URL":           {text: "of OAUTHBEARER: where tokens are had"},
		"KAFKA_SASL_CLIENT_ID":           {text: "of OAUTHBEARER"},
		"KAFKA_SASL_CLIENT_SECRET":       {text: "of OAUTHBEARER; or KAFKA_SASL_CLIENT_SECRET_FILE"},
		"KAFKA_SASL_CLIENT_SECRET_FILE":  {text: "a file that holds the client secret"},
		"KAFKA_SASL_SCOPES":              {text: "of OAUTHBEARER, with commas between them"},
		"SCHEMA_REGISTRY_URL":            {text: "a Confluent schema registry; without one, records are in Avro's single-object encoding", unset: "none"},
		"SCHEMA_REGISTRY_USERNAME":       {text: "of basic authentication"},
		"SCHEMA_REGISTRY_PASSWORD":       {text: "of basic authentication; or SCHEMA_REGISTRY_PASSWORD_FILE"},
		"SCHEMA_REGISTRY_PASSWORD_FILE":  {text: "a file that holds the password"},
		"SCHEMA_REGISTRY_TLS_CA_FILE":    {text: "PEM file of the authorities that signed the registry's certificate", unset: "the system's"},
		"SCHEMA_REGISTRY_TLS_CERT_FILE":  {text: "PEM file of the client's certificate"},
		"SCHEMA_REGISTRY_TLS_KEY_FILE":   {text: "PEM file of its key"},
		"SCHEMA_REGISTRY_TLS_SERVER_NAME": {
			text: "name that the registry's certificate must have", unset: "the host",
		},
		"SCHEMA_REGISTRY_TLS_INSECURE_SKIP_VERIFY": {text: "believe every certificate: for tests only"},
		"SCHEMA_REGISTRY_SUBJECT_STRATEGY":         {text: "names of subjects: topic, record or topic-record"},
		"SCHEMA_REGISTRY_AUTO_REGISTER":            {text: "register schemas; off: they must be there"},
		"HTTP_ADDR":                                {text: "of the status page, /healthz, /readyz, /metrics and /api/streams; set to nothing it is off; sync serves only where it is set"},
		"LOG_LEVEL":                                {text: "debug, info, warn or error"},
		"LOG_FORMAT":                               {text: "json or text", unset: "`json`, `text` on a terminal"},
	}
}
