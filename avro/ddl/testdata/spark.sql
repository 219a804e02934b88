-- Spark 4 with spark-avro and spark-sql-kafka-0-10. A user of the Pylon workspace, one of the own people. Record of the stream users.
-- from_avro reads all records by the one schema below. Once a new version of pylon-kafka has changed it, have the stream
-- published anew (pylon-kafka publish-anew users) and print these statements again.
CREATE OR REPLACE TEMPORARY VIEW `users_records` USING kafka OPTIONS (
  `kafka.bootstrap.servers` 'kafka:9092',
  `kafka.isolation.level` 'read_committed',
  `subscribe` 'pylon.users',
  `startingOffsets` 'earliest',
  `includeHeaders` 'true'
);
CREATE OR REPLACE TEMPORARY VIEW `users` AS
SELECT object.*, record_time, record_headers FROM (
  SELECT from_avro(substring(value, 6), '{"type":"record","name":"User","namespace":"com.usepylon","doc":"A user of the Pylon workspace, one of the own people. Record of the stream users.","fields":[{"name":"id","doc":"The id of the user. Primary key.","type":"string"},{"name":"name","doc":"The name of the user.","type":["null","string"],"default":null},{"name":"email","doc":"The main email address of the user.","type":["null","string"],"default":null},{"name":"emails","doc":"All email addresses of the user.","type":["null",{"type":"array","items":"string"}],"default":null},{"name":"avatar_url","doc":"The address of the picture of the user.","type":["null","string"],"default":null},{"name":"status","doc":"Whether the user is there: active, away or out_of_office. Other values may come.","type":["null","string"],"default":null},{"name":"role_id","doc":"The id of the role of the user: the key in the stream user_roles.","type":["null","string"],"default":null},{"name":"role","doc":"The role of the user.","type":["null",{"type":"record","name":"MiniRole","doc":"A reference to a role of users.","fields":[{"name":"id","doc":"The id of the role: the key in the stream user_roles.","type":["null","string"],"default":null},{"name":"name","doc":"The name of the role, as people see it.","type":["null","string"],"default":null},{"name":"slug","doc":"The short name of the role, for programs.","type":["null","string"],"default":null}]}],"default":null},{"name":"is_deactivated","doc":"True if the user can no longer sign in.","type":["null","boolean"],"default":null},{"name":"unmapped","doc":"What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits.","json":"object","type":["null","string"],"default":null}]}', map('mode', 'FAILFAST')) AS object,
    timestamp AS record_time, map_from_entries(transform(headers, h -> struct(h.key, CAST(h.value AS STRING)))) AS record_headers
  FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY timestamp DESC) AS age FROM (
    SELECT *, row_number() OVER (PARTITION BY key, partition ORDER BY offset DESC) AS place FROM `users_records`)
    WHERE place = 1 AND value IS NOT NULL) -- the last record of a deleted object has no value, nor has that where a moved one stood
  WHERE age = 1
);

-- Spark 4 with spark-avro and spark-sql-kafka-0-10. The definition of a custom field. Record of the stream custom_fields.
-- from_avro reads all records by the one schema below. Once a new version of pylon-kafka has changed it, have the stream
-- published anew (pylon-kafka publish-anew custom_fields) and print these statements again.
CREATE OR REPLACE TEMPORARY VIEW `custom_fields_records` USING kafka OPTIONS (
  `kafka.bootstrap.servers` 'kafka:9092',
  `kafka.isolation.level` 'read_committed',
  `subscribe` 'pylon.custom_fields',
  `startingOffsets` 'earliest',
  `includeHeaders` 'true'
);
CREATE OR REPLACE TEMPORARY VIEW `custom_fields` AS
SELECT object.*, record_time, record_headers FROM (
  SELECT from_avro(substring(value, 6), '{"type":"record","name":"CustomField","namespace":"com.usepylon","doc":"The definition of a custom field. Record of the stream custom_fields.","fields":[{"name":"object_type","doc":"What kind of object has the field: account, issue, contact, task, project, meeting or opportunity. Other values may come. Added by the producer where the API leaves it out. First part of the primary key: the plain key of the Kafka record is this, a colon and the id.","type":"string"},{"name":"id","doc":"The id of the custom field. Second part of the primary key.","type":"string"},{"name":"slug","doc":"The short name of the field: the key in the map custom_fields of an object. Unique within one object_type.","type":["null","string"],"default":null},{"name":"label","doc":"The name of the field, as people see it.","type":["null","string"],"default":null},{"name":"description","doc":"What the field is for.","type":["null","string"],"default":null},{"name":"type","doc":"The type of the values: text, number, decimal, boolean, date, datetime, user, url, select, multiselect, or a relationship. Other values may come.","type":["null","string"],"default":null},{"name":"source","doc":"Where the field comes from: Pylon itself or an integration.","type":["null","string"],"default":null},{"name":"is_read_only","doc":"True if people cannot change the values, as in fields that an integration fills.","type":["null","boolean"],"default":null},{"name":"default_value","doc":"The value of new objects, in a field that holds one value.","type":["null","string"],"default":null},{"name":"default_values","doc":"The values of new objects, in a field that holds several.","type":["null",{"type":"array","items":"string"}],"default":null},{"name":"number_metadata","doc":"How the numbers are shown. Only on fields of numbers.","type":["null",{"type":"record","name":"NumberMetadata","doc":"How a custom field of numbers is shown.","fields":[{"name":"format","doc":"The form of the number: with_commas, percent, currency or duration. Other values may come.","type":["null","string"],"default":null},{"name":"currency","doc":"The currency, if the form is currency.","type":["null","string"],"default":null},{"name":"decimal_places","doc":"How many digits are shown after the point.","type":["null","long"],"default":null},{"name":"duration_input_unit","doc":"The unit in which a duration is typed in: seconds, minutes, hours or days. Other values may come.","type":["null","string"],"default":null},{"name":"duration_display_format","doc":"How a duration is shown: auto, minutes, hours, days, months or years. Other values may come.","type":["null","string"],"default":null}]}],"default":null},{"name":"select_metadata","doc":"The choices. Only on select and multiselect fields.","type":["null",{"type":"record","name":"SelectMetadata","doc":"The choices of a select or multiselect custom field.","fields":[{"name":"options","doc":"The options of the field.","type":["null",{"type":"array","items":{"type":"record","name":"SelectOption","doc":"One option of a select or multiselect custom field.","fields":[{"name":"slug","doc":"The short name of the option, as it stands in the values of objects.","type":["null","string"],"default":null},{"name":"label","doc":"The name of the option, as people see it.","type":["null","string"],"default":null},{"name":"ai_description","doc":"What tells an AI agent when to choose the option.","type":["null","string"],"default":null}]}}],"default":null}]}],"default":null},{"name":"created_at","doc":"When the field was created.","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"updated_at","doc":"When the field was last changed.","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"unmapped","doc":"What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits.","json":"object","type":["null","string"],"default":null}]}', map('mode', 'FAILFAST')) AS object,
    timestamp AS record_time, map_from_entries(transform(headers, h -> struct(h.key, CAST(h.value AS STRING)))) AS record_headers
  FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY timestamp DESC) AS age FROM (
    SELECT *, row_number() OVER (PARTITION BY key, partition ORDER BY offset DESC) AS place FROM `custom_fields_records`)
    WHERE place = 1 AND value IS NOT NULL) -- the last record of a deleted object has no value, nor has that where a moved one stood
  WHERE age = 1
);

-- Spark 4 with spark-avro and spark-sql-kafka-0-10. A team of users. Record of the stream teams.
-- from_avro reads all records by the one schema below. Once a new version of pylon-kafka has changed it, have the stream
-- published anew (pylon-kafka publish-anew teams) and print these statements again.
CREATE OR REPLACE TEMPORARY VIEW `teams_records` USING kafka OPTIONS (
  `kafka.bootstrap.servers` 'kafka:9092',
  `kafka.isolation.level` 'read_committed',
  `subscribe` 'pylon.teams',
  `startingOffsets` 'earliest',
  `includeHeaders` 'true'
);
CREATE OR REPLACE TEMPORARY VIEW `teams` AS
SELECT object.*, record_time, record_headers FROM (
  SELECT from_avro(substring(value, 6), '{"type":"record","name":"Team","namespace":"com.usepylon","doc":"A team of users. Record of the stream teams.","fields":[{"name":"id","doc":"The id of the team. Primary key.","type":"string"},{"name":"name","doc":"The name of the team.","type":["null","string"],"default":null},{"name":"users","doc":"The users in the team.","type":["null",{"type":"array","items":{"type":"record","name":"MiniUser","doc":"A reference to a user of the Pylon workspace.","fields":[{"name":"id","doc":"The id of the user: the key in the stream users.","type":["null","string"],"default":null},{"name":"email","doc":"The email address of the user.","type":["null","string"],"default":null}]}}],"default":null},{"name":"unmapped","doc":"What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits.","json":"object","type":["null","string"],"default":null}]}', map('mode', 'FAILFAST')) AS object,
    timestamp AS record_time, map_from_entries(transform(headers, h -> struct(h.key, CAST(h.value AS STRING)))) AS record_headers
  FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY timestamp DESC) AS age FROM (
    SELECT *, row_number() OVER (PARTITION BY key, partition ORDER BY offset DESC) AS place FROM `teams_records`)
    WHERE place = 1 AND value IS NOT NULL) -- the last record of a deleted object has no value, nor has that where a moved one stood
  WHERE age = 1
);
