CREATE TABLE "pylon_users" (
  "id" text NOT NULL,
  "name" text,
  "email" text,
  "emails" text[],
  "avatar_url" text,
  "status" text,
  "role_id" text,
  "role__id" text,
  "role_name" text,
  "role_slug" text,
  "is_deactivated" boolean,
  "unmapped" text,
  PRIMARY KEY ("id")
);
COMMENT ON TABLE "pylon_users" IS 'A user of the Pylon workspace, one of the own people. Record of the stream users. Flat: a record in it is spread over fields, joined by an underscore; what cannot be a column is JSON text.';
COMMENT ON COLUMN "pylon_users"."id" IS 'The id of the user. Primary key.';
COMMENT ON COLUMN "pylon_users"."name" IS 'The name of the user.';
COMMENT ON COLUMN "pylon_users"."email" IS 'The main email address of the user.';
COMMENT ON COLUMN "pylon_users"."emails" IS 'All email addresses of the user.';
COMMENT ON COLUMN "pylon_users"."avatar_url" IS 'The address of the picture of the user.';
COMMENT ON COLUMN "pylon_users"."status" IS 'Whether the user is there: active, away or out_of_office. Other values may come.';
COMMENT ON COLUMN "pylon_users"."role_id" IS 'The id of the role of the user: the key in the stream user_roles.';
COMMENT ON COLUMN "pylon_users"."role__id" IS 'The role of the user. The id of the role: the key in the stream user_roles.';
COMMENT ON COLUMN "pylon_users"."role_name" IS 'The role of the user. The name of the role, as people see it.';
COMMENT ON COLUMN "pylon_users"."role_slug" IS 'The role of the user. The short name of the role, for programs.';
COMMENT ON COLUMN "pylon_users"."is_deactivated" IS 'True if the user can no longer sign in.';
COMMENT ON COLUMN "pylon_users"."unmapped" IS 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits. Query it as "unmapped"::jsonb.';

CREATE TABLE "pylon_custom_fields" (
  "object_type" text NOT NULL,
  "id" text NOT NULL,
  "slug" text,
  "label" text,
  "description" text,
  "type" text,
  "source" text,
  "is_read_only" boolean,
  "default_value" text,
  "default_values" text[],
  "number_metadata_format" text,
  "number_metadata_currency" text,
  "number_metadata_decimal_places" bigint,
  "number_metadata_duration_input_unit" text,
  "number_metadata_duration_display_format" text,
  "select_metadata_options" text,
  "created_at" timestamp(3),
  "updated_at" timestamp(3),
  "unmapped" text,
  PRIMARY KEY ("object_type", "id")
);
COMMENT ON TABLE "pylon_custom_fields" IS 'The definition of a custom field. Record of the stream custom_fields. Flat: a record in it is spread over fields, joined by an underscore; what cannot be a column is JSON text.';
COMMENT ON COLUMN "pylon_custom_fields"."object_type" IS 'What kind of object has the field: account, issue, contact, task, project, meeting or opportunity. Other values may come. Added by the producer where the API leaves it out. First part of the primary key: the plain key of the Kafka record is this, a colon and the id.';
COMMENT ON COLUMN "pylon_custom_fields"."id" IS 'The id of the custom field. Second part of the primary key.';
COMMENT ON COLUMN "pylon_custom_fields"."slug" IS 'The short name of the field: the key in the map custom_fields of an object. Unique within one object_type.';
COMMENT ON COLUMN "pylon_custom_fields"."label" IS 'The name of the field, as people see it.';
COMMENT ON COLUMN "pylon_custom_fields"."description" IS 'What the field is for.';
COMMENT ON COLUMN "pylon_custom_fields"."type" IS 'The type of the values: text, number, decimal, boolean, date, datetime, user, url, select, multiselect, or a relationship. Other values may come.';
COMMENT ON COLUMN "pylon_custom_fields"."source" IS 'Where the field comes from: Pylon itself or an integration.';
COMMENT ON COLUMN "pylon_custom_fields"."is_read_only" IS 'True if people cannot change the values, as in fields that an integration fills.';
COMMENT ON COLUMN "pylon_custom_fields"."default_value" IS 'The value of new objects, in a field that holds one value.';
COMMENT ON COLUMN "pylon_custom_fields"."default_values" IS 'The values of new objects, in a field that holds several.';
COMMENT ON COLUMN "pylon_custom_fields"."number_metadata_format" IS 'How the numbers are shown. Only on fields of numbers. The form of the number: with_commas, percent, currency or duration. Other values may come.';
COMMENT ON COLUMN "pylon_custom_fields"."number_metadata_currency" IS 'How the numbers are shown. Only on fields of numbers. The currency, if the form is currency.';
COMMENT ON COLUMN "pylon_custom_fields"."number_metadata_decimal_places" IS 'How the numbers are shown. Only on fields of numbers. How many digits are shown after the point.';
COMMENT ON COLUMN "pylon_custom_fields"."number_metadata_duration_input_unit" IS 'How the numbers are shown. Only on fields of numbers. The unit in which a duration is typed in: seconds, minutes, hours or days. Other values may come.';
COMMENT ON COLUMN "pylon_custom_fields"."number_metadata_duration_display_format" IS 'How the numbers are shown. Only on fields of numbers. How a duration is shown: auto, minutes, hours, days, months or years. Other values may come.';
COMMENT ON COLUMN "pylon_custom_fields"."select_metadata_options" IS 'The choices. Only on select and multiselect fields. The options of the field. JSON text: an array. Query it as "select_metadata_options"::jsonb.';
COMMENT ON COLUMN "pylon_custom_fields"."created_at" IS 'When the field was created. UTC.';
COMMENT ON COLUMN "pylon_custom_fields"."updated_at" IS 'When the field was last changed. UTC.';
COMMENT ON COLUMN "pylon_custom_fields"."unmapped" IS 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits. Query it as "unmapped"::jsonb.';

CREATE TABLE "pylon_teams" (
  "id" text NOT NULL,
  "name" text,
  "users" text,
  "unmapped" text,
  PRIMARY KEY ("id")
);
COMMENT ON TABLE "pylon_teams" IS 'A team of users. Record of the stream teams. Flat: a record in it is spread over fields, joined by an underscore; what cannot be a column is JSON text.';
COMMENT ON COLUMN "pylon_teams"."id" IS 'The id of the team. Primary key.';
COMMENT ON COLUMN "pylon_teams"."name" IS 'The name of the team.';
COMMENT ON COLUMN "pylon_teams"."users" IS 'The users in the team. JSON text: an array. Query it as "users"::jsonb.';
COMMENT ON COLUMN "pylon_teams"."unmapped" IS 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits. Query it as "unmapped"::jsonb.';
