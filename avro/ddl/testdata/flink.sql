-- Decide beforehand how many partitions pylon.users has. Once some are added, publish with another KAFKA_TOPIC_PREFIX and make new
-- tables: upsert-kafka takes a record that was moved to another partition for a deleted one.
CREATE TABLE `users` (
  `id` STRING NOT NULL COMMENT 'The id of the user. Primary key.',
  `name` STRING COMMENT 'The name of the user.',
  `email` STRING COMMENT 'The main email address of the user.',
  `emails` ARRAY<STRING> COMMENT 'All email addresses of the user.',
  `avatar_url` STRING COMMENT 'The address of the picture of the user.',
  `status` STRING COMMENT 'Whether the user is there: active, away or out_of_office. Other values may come.',
  `role_id` STRING COMMENT 'The id of the role of the user: the key in the stream user_roles.',
  `role` ROW<`id` STRING, `name` STRING, `slug` STRING> COMMENT 'The role of the user.',
  `is_deactivated` BOOLEAN COMMENT 'True if the user can no longer sign in.',
  `unmapped` STRING COMMENT 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits.',
  `record_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL COMMENT 'When the record was published.',
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL COMMENT 'UTF-8 text by name: DECODE(`record_headers`[''origin''], ''UTF-8'').',
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND,
  PRIMARY KEY (`id`) NOT ENFORCED
) COMMENT 'A user of the Pylon workspace, one of the own people. Record of the stream users.' WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'pylon.users',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.isolation.level' = 'read_committed',
  'key.format' = 'raw',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://registry:8081',
  'value.fields-include' = 'EXCEPT_KEY'
);

-- Decide beforehand how many partitions pylon.custom_fields has. Once some are added, publish with another KAFKA_TOPIC_PREFIX and make new
-- tables: upsert-kafka takes a record that was moved to another partition for a deleted one.
CREATE TABLE `custom_fields` (
  `record_key` STRING NOT NULL COMMENT 'object_type, a colon, and id.',
  `object_type` STRING COMMENT 'What kind of object has the field: account, issue, contact, task, project, meeting or opportunity. Other values may come. Added by the producer where the API leaves it out. First part of the primary key: the plain key of the Kafka record is this, a colon and the id.',
  `id` STRING COMMENT 'The id of the custom field. Second part of the primary key.',
  `slug` STRING COMMENT 'The short name of the field: the key in the map custom_fields of an object. Unique within one object_type.',
  `label` STRING COMMENT 'The name of the field, as people see it.',
  `description` STRING COMMENT 'What the field is for.',
  `type` STRING COMMENT 'The type of the values: text, number, decimal, boolean, date, datetime, user, url, select, multiselect, or a relationship. Other values may come.',
  `source` STRING COMMENT 'Where the field comes from: Pylon itself or an integration.',
  `is_read_only` BOOLEAN COMMENT 'True if people cannot change the values, as in fields that an integration fills.',
  `default_value` STRING COMMENT 'The value of new objects, in a field that holds one value.',
  `default_values` ARRAY<STRING> COMMENT 'The values of new objects, in a field that holds several.',
  `number_metadata` ROW<`format` STRING, `currency` STRING, `decimal_places` BIGINT, `duration_input_unit` STRING, `duration_display_format` STRING> COMMENT 'How the numbers are shown. Only on fields of numbers.',
  `select_metadata` ROW<`options` ARRAY<ROW<`slug` STRING, `label` STRING, `ai_description` STRING>>> COMMENT 'The choices. Only on select and multiselect fields.',
  `created_at` TIMESTAMP(3) COMMENT 'When the field was created.',
  `updated_at` TIMESTAMP(3) COMMENT 'When the field was last changed.',
  `unmapped` STRING COMMENT 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits.',
  `record_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL COMMENT 'When the record was published.',
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL COMMENT 'UTF-8 text by name: DECODE(`record_headers`[''origin''], ''UTF-8'').',
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND,
  PRIMARY KEY (`record_key`) NOT ENFORCED
) COMMENT 'The definition of a custom field. Record of the stream custom_fields.' WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'pylon.custom_fields',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.isolation.level' = 'read_committed',
  'key.format' = 'raw',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://registry:8081',
  'value.fields-include' = 'EXCEPT_KEY'
);

-- Decide beforehand how many partitions pylon.teams has. Once some are added, publish with another KAFKA_TOPIC_PREFIX and make new
-- tables: upsert-kafka takes a record that was moved to another partition for a deleted one.
CREATE TABLE `teams` (
  `id` STRING NOT NULL COMMENT 'The id of the team. Primary key.',
  `name` STRING COMMENT 'The name of the team.',
  `users` ARRAY<ROW<`id` STRING, `email` STRING>> COMMENT 'The users in the team.',
  `unmapped` STRING COMMENT 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits.',
  `record_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL COMMENT 'When the record was published.',
  `record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL COMMENT 'UTF-8 text by name: DECODE(`record_headers`[''origin''], ''UTF-8'').',
  WATERMARK FOR `record_time` AS `record_time` - INTERVAL '10' SECOND,
  PRIMARY KEY (`id`) NOT ENFORCED
) COMMENT 'A team of users. Record of the stream teams.' WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'pylon.teams',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.isolation.level' = 'read_committed',
  'key.format' = 'raw',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = 'http://registry:8081',
  'value.fields-include' = 'EXCEPT_KEY'
);
