-- The newest row of each key, without deleted ones: SELECT … FROM users FINAL.
CREATE TABLE `users_queue` (
  `id` String,
  `name` Nullable(String),
  `email` Nullable(String),
  `emails` Nullable(String),
  `avatar_url` Nullable(String),
  `status` Nullable(String),
  `role_id` Nullable(String),
  `role__id` Nullable(String),
  `role_name` Nullable(String),
  `role_slug` Nullable(String),
  `is_deactivated` Nullable(Bool),
  `unmapped` Nullable(String)
) ENGINE = Kafka SETTINGS
  kafka_broker_list = 'kafka:9092',
  kafka_topic_list = 'pylon.users',
  kafka_group_name = 'clickhouse-pylon.users',
  kafka_format = 'AvroConfluent',
  kafka_handle_error_mode = 'stream',
  format_avro_schema_registry_url = 'http://registry:8081';
CREATE TABLE `users` (
  `id` String COMMENT 'The id of the user. Primary key.',
  `name` Nullable(String) COMMENT 'The name of the user.',
  `email` Nullable(String) COMMENT 'The main email address of the user.',
  `emails` Nullable(String) COMMENT 'All email addresses of the user. JSON text: an array.',
  `avatar_url` Nullable(String) COMMENT 'The address of the picture of the user.',
  `status` Nullable(String) COMMENT 'Whether the user is there: active, away or out_of_office. Other values may come.',
  `role_id` Nullable(String) COMMENT 'The id of the role of the user: the key in the stream user_roles.',
  `role__id` Nullable(String) COMMENT 'The role of the user. The id of the role: the key in the stream user_roles.',
  `role_name` Nullable(String) COMMENT 'The role of the user. The name of the role, as people see it.',
  `role_slug` Nullable(String) COMMENT 'The role of the user. The short name of the role, for programs.',
  `is_deactivated` Nullable(Bool) COMMENT 'True if the user can no longer sign in.',
  `unmapped` Nullable(String) COMMENT 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits.',
  `record_time` DateTime64(3, 'UTC') COMMENT 'When the record was published.',
  `record_headers` Map(String, String) COMMENT 'The headers of the record.',
  `record_deleted` UInt8 COMMENT '1 for a deleted object.'
) ENGINE = ReplacingMergeTree(`record_time`, `record_deleted`) ORDER BY (`id`) COMMENT 'A user of the Pylon workspace, one of the own people. Record of the stream users. Flat: a record in it is spread over fields, joined by an underscore; what cannot be a column is JSON text.';
CREATE MATERIALIZED VIEW `users_view` TO `users` AS SELECT
  if(is_deleted, _key, `users_queue`.`id`) AS `id`,
  `name`,
  `email`,
  `emails`,
  `avatar_url`,
  `status`,
  `role_id`,
  `role__id`,
  `role_name`,
  `role_slug`,
  `is_deactivated`,
  `unmapped`,
  assumeNotNull(_timestamp_ms) AS `record_time`,
  mapFromArrays(`_headers.name`, `_headers.value`) AS `record_headers`,
  is_deleted AS `record_deleted`
FROM (SELECT *, _key, _timestamp_ms, `_headers.name`, `_headers.value`, _error, _raw_message, _error != '' AND _raw_message = '' AS is_deleted FROM `users_queue`) AS `users_queue`
WHERE throwIf(_error != '' AND _raw_message != '', 'a record of pylon.users cannot be read') = 0 AND NOT has(`_headers.name`, 'moved');

-- The newest row of each key, without deleted ones: SELECT … FROM custom_fields FINAL.
CREATE TABLE `custom_fields_queue` (
  `object_type` String,
  `id` String,
  `slug` Nullable(String),
  `label` Nullable(String),
  `description` Nullable(String),
  `type` Nullable(String),
  `source` Nullable(String),
  `is_read_only` Nullable(Bool),
  `default_value` Nullable(String),
  `default_values` Nullable(String),
  `number_metadata_format` Nullable(String),
  `number_metadata_currency` Nullable(String),
  `number_metadata_decimal_places` Nullable(Int64),
  `number_metadata_duration_input_unit` Nullable(String),
  `number_metadata_duration_display_format` Nullable(String),
  `select_metadata_options` Nullable(String),
  `created_at` Nullable(DateTime64(3, 'UTC')),
  `updated_at` Nullable(DateTime64(3, 'UTC')),
  `unmapped` Nullable(String)
) ENGINE = Kafka SETTINGS
  kafka_broker_list = 'kafka:9092',
  kafka_topic_list = 'pylon.custom_fields',
  kafka_group_name = 'clickhouse-pylon.custom_fields',
  kafka_format = 'AvroConfluent',
  kafka_handle_error_mode = 'stream',
  format_avro_schema_registry_url = 'http://registry:8081';
CREATE TABLE `custom_fields` (
  `object_type` String COMMENT 'What kind of object has the field: account, issue, contact, task, project, meeting or opportunity. Other values may come. Added by the producer where the API leaves it out. First part of the primary key: the plain key of the Kafka record is this, a colon and the id.',
  `id` String COMMENT 'The id of the custom field. Second part of the primary key.',
  `slug` Nullable(String) COMMENT 'The short name of the field: the key in the map custom_fields of an object. Unique within one object_type.',
  `label` Nullable(String) COMMENT 'The name of the field, as people see it.',
  `description` Nullable(String) COMMENT 'What the field is for.',
  `type` Nullable(String) COMMENT 'The type of the values: text, number, decimal, boolean, date, datetime, user, url, select, multiselect, or a relationship. Other values may come.',
  `source` Nullable(String) COMMENT 'Where the field comes from: Pylon itself or an integration.',
  `is_read_only` Nullable(Bool) COMMENT 'True if people cannot change the values, as in fields that an integration fills.',
  `default_value` Nullable(String) COMMENT 'The value of new objects, in a field that holds one value.',
  `default_values` Nullable(String) COMMENT 'The values of new objects, in a field that holds several. JSON text: an array.',
  `number_metadata_format` Nullable(String) COMMENT 'How the numbers are shown. Only on fields of numbers. The form of the number: with_commas, percent, currency or duration. Other values may come.',
  `number_metadata_currency` Nullable(String) COMMENT 'How the numbers are shown. Only on fields of numbers. The currency, if the form is currency.',
  `number_metadata_decimal_places` Nullable(Int64) COMMENT 'How the numbers are shown. Only on fields of numbers. How many digits are shown after the point.',
  `number_metadata_duration_input_unit` Nullable(String) COMMENT 'How the numbers are shown. Only on fields of numbers. The unit in which a duration is typed in: seconds, minutes, hours or days. Other values may come.',
  `number_metadata_duration_display_format` Nullable(String) COMMENT 'How the numbers are shown. Only on fields of numbers. How a duration is shown: auto, minutes, hours, days, months or years. Other values may come.',
  `select_metadata_options` Nullable(String) COMMENT 'The choices. Only on select and multiselect fields. The options of the field. JSON text: an array.',
  `created_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When the field was created.',
  `updated_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When the field was last changed.',
  `unmapped` Nullable(String) COMMENT 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits.',
  `record_time` DateTime64(3, 'UTC') COMMENT 'When the record was published.',
  `record_headers` Map(String, String) COMMENT 'The headers of the record.',
  `record_deleted` UInt8 COMMENT '1 for a deleted object.'
) ENGINE = ReplacingMergeTree(`record_time`, `record_deleted`) ORDER BY (`object_type`, `id`) COMMENT 'The definition of a custom field. Record of the stream custom_fields. Flat: a record in it is spread over fields, joined by an underscore; what cannot be a column is JSON text.';
CREATE MATERIALIZED VIEW `custom_fields_view` TO `custom_fields` AS SELECT
  if(is_deleted, substring(_key, 1, position(_key, ':') - 1), `custom_fields_queue`.`object_type`) AS `object_type`,
  if(is_deleted, substring(_key, position(_key, ':') + 1), `custom_fields_queue`.`id`) AS `id`,
  `slug`,
  `label`,
  `description`,
  `type`,
  `source`,
  `is_read_only`,
  `default_value`,
  `default_values`,
  `number_metadata_format`,
  `number_metadata_currency`,
  `number_metadata_decimal_places`,
  `number_metadata_duration_input_unit`,
  `number_metadata_duration_display_format`,
  `select_metadata_options`,
  `created_at`,
  `updated_at`,
  `unmapped`,
  assumeNotNull(_timestamp_ms) AS `record_time`,
  mapFromArrays(`_headers.name`, `_headers.value`) AS `record_headers`,
  is_deleted AS `record_deleted`
FROM (SELECT *, _key, _timestamp_ms, `_headers.name`, `_headers.value`, _error, _raw_message, _error != '' AND _raw_message = '' AS is_deleted FROM `custom_fields_queue`) AS `custom_fields_queue`
WHERE throwIf(_error != '' AND _raw_message != '', 'a record of pylon.custom_fields cannot be read') = 0 AND NOT has(`_headers.name`, 'moved');

-- The newest row of each key, without deleted ones: SELECT … FROM teams FINAL.
CREATE TABLE `teams_queue` (
  `id` String,
  `name` Nullable(String),
  `users` Nullable(String),
  `unmapped` Nullable(String)
) ENGINE = Kafka SETTINGS
  kafka_broker_list = 'kafka:9092',
  kafka_topic_list = 'pylon.teams',
  kafka_group_name = 'clickhouse-pylon.teams',
  kafka_format = 'AvroConfluent',
  kafka_handle_error_mode = 'stream',
  format_avro_schema_registry_url = 'http://registry:8081';
CREATE TABLE `teams` (
  `id` String COMMENT 'The id of the team. Primary key.',
  `name` Nullable(String) COMMENT 'The name of the team.',
  `users` Nullable(String) COMMENT 'The users in the team. JSON text: an array.',
  `unmapped` Nullable(String) COMMENT 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits.',
  `record_time` DateTime64(3, 'UTC') COMMENT 'When the record was published.',
  `record_headers` Map(String, String) COMMENT 'The headers of the record.',
  `record_deleted` UInt8 COMMENT '1 for a deleted object.'
) ENGINE = ReplacingMergeTree(`record_time`, `record_deleted`) ORDER BY (`id`) COMMENT 'A team of users. Record of the stream teams. Flat: a record in it is spread over fields, joined by an underscore; what cannot be a column is JSON text.';
CREATE MATERIALIZED VIEW `teams_view` TO `teams` AS SELECT
  if(is_deleted, _key, `teams_queue`.`id`) AS `id`,
  `name`,
  `users`,
  `unmapped`,
  assumeNotNull(_timestamp_ms) AS `record_time`,
  mapFromArrays(`_headers.name`, `_headers.value`) AS `record_headers`,
  is_deleted AS `record_deleted`
FROM (SELECT *, _key, _timestamp_ms, `_headers.name`, `_headers.value`, _error, _raw_message, _error != '' AND _raw_message = '' AS is_deleted FROM `teams_queue`) AS `teams_queue`
WHERE throwIf(_error != '' AND _raw_message != '', 'a record of pylon.teams cannot be read') = 0 AND NOT has(`_headers.name`, 'moved');
