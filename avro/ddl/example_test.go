package ddl_test

import (
	"fmt"
	"os"

	"pylon-kafka/avro"
	"pylon-kafka/avro/ddl"
)

func ExampleWrite() {
	o := ddl.Options{Layout: avro.LayoutFlatText, TopicPrefix: "pylon.", RegistryURL: "http://localhost:8081"}
	if err := ddl.Write(os.Stdout, "postgres", []string{"user_roles"}, o); err != nil {
		fmt.Println(err)
	}
	// Output:
	// CREATE TABLE "pylon_user_roles" (
	//   "id" text NOT NULL,
	//   "name" text,
	//   "slug" text,
	//   "unmapped" text,
	//   PRIMARY KEY ("id")
	// );
	// COMMENT ON TABLE "pylon_user_roles" IS 'A role of users. Record of the stream user_roles. Flat: a record in it is spread over fields, joined by an underscore; what cannot be a column is JSON text.';
	// COMMENT ON COLUMN "pylon_user_roles"."id" IS 'The id of the role. Primary key.';
	// COMMENT ON COLUMN "pylon_user_roles"."name" IS 'The name of the role, as people see it.';
	// COMMENT ON COLUMN "pylon_user_roles"."slug" IS 'The short name of the role, for programs.';
	// COMMENT ON COLUMN "pylon_user_roles"."unmapped" IS 'What the API sent and the fields above cannot hold: a member that the schema does not know, or a value of another type than the field has. JSON text of one object: each name is a place in what the API sent, as a JSON Pointer (RFC 6901), and its value what stands there. A field whose value stands here is null. Null if everything fits. Query it as "unmapped"::jsonb.';
}
