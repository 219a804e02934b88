CREATE TABLE `users` (
  `id` STRING NOT NULL OPTIONS (description = 'The id of the user. Primary key.'),
  `name` STRING OPTIONS (description = 'The name of the user.'),
  `email` STRING OPTIONS (description = 'The main email address of the user.'),
  `emails` ARRAY<STRING> OPTIONS (description = 'All email addresses of the user.'),
  `avatar_url` STRING OPTIONS (description = 'The address of the picture of the user.'),
  `status` STRING OPTIONS (description = 'Whether the user is there: active, away or out_of_office. Other values may come.'),
  `role_id` STRING OPTIONS (description = 'The id of the role of the user: the key in the stream user_roles.'),
  `role` STRUCT<`id` STRING, `name` STRING, `slug` STRING> OPTIONS (description = 'The role of the user.'),
  `is_deactivated` BOOL OPTIONS (description = 'True if the user can no longer sign in.'),
  `unmapped` STRING OPTIONS (description = 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits. Query it with PARSE_JSON.'),
  PRIMARY KEY (`id`) NOT ENFORCED
) OPTIONS (description = 'A user of the Pylon workspace, one of the own people. Record of the stream users.');

CREATE TABLE `custom_fields` (
  `object_type` STRING NOT NULL OPTIONS (description = 'What kind of object has the field: account, issue, contact, task, project, meeting or opportunity. Other values may come. Added by the producer where the API leaves it out. First part of the primary key: the plain key of the Kafka record is this, a colon and the id.'),
  `id` STRING NOT NULL OPTIONS (description = 'The id of the custom field. Second part of the primary key.'),
  `slug` STRING OPTIONS (description = 'The short name of the field: the key in the map custom_fields of an object. Unique within one object_type.'),
  `label` STRING OPTIONS (description = 'The name of the field, as people see it.'),
  `description` STRING OPTIONS (description = 'What the field is for.'),
  `type` STRING OPTIONS (description = 'The type of the values: text, number, decimal, boolean, date, datetime, user, url, select, multiselect, or a relationship. Other values may come.'),
  `source` STRING OPTIONS (description = 'Where the field comes from: Pylon itself or an integration.'),
  `is_read_only` BOOL OPTIONS (description = 'True if people cannot change the values, as in fields that an integration fills.'),
  `default_value` STRING OPTIONS (description = 'The value of new objects, in a field that holds one value.'),
  `default_values` ARRAY<STRING> OPTIONS (description = 'The values of new objects, in a field that holds several.'),
  `number_metadata` STRUCT<`format` STRING, `currency` STRING, `decimal_places` INT64, `duration_input_unit` STRING, `duration_display_format` STRING> OPTIONS (description = 'How the numbers are shown. Only on fields of numbers.'),
  `select_metadata` STRUCT<`options` ARRAY<STRUCT<`slug` STRING, `label` STRING, `ai_description` STRING>>> OPTIONS (description = 'The choices. Only on select and multiselect fields.'),
  `created_at` TIMESTAMP OPTIONS (description = 'When the field was created.'),
  `updated_at` TIMESTAMP OPTIONS (description = 'When the field was last changed.'),
  `unmapped` STRING OPTIONS (description = 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits. Query it with PARSE_JSON.'),
  PRIMARY KEY (`object_type`, `id`) NOT ENFORCED
) OPTIONS (description = 'The definition of a custom field. Record of the stream custom_fields.');

CREATE TABLE `teams` (
  `id` STRING NOT NULL OPTIONS (description = 'The id of the team. Primary key.'),
  `name` STRING OPTIONS (description = 'The name of the team.'),
  `users` ARRAY<STRUCT<`id` STRING, `email` STRING>> OPTIONS (description = 'The users in the team.'),
  `unmapped` STRING OPTIONS (description = 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits. Query it with PARSE_JSON.'),
  PRIMARY KEY (`id`) NOT ENFORCED
) OPTIONS (description = 'A team of users. Record of the stream teams.');
