package extracttest_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pylon-kafka/extract/extracttest"
)

// liveShape is what was seen of objects in answers of the live API, recorded on
// 2026-10-08 (KyleKing/tlr, tests/live/cassettes): about 45 issues and 40 accounts.
type liveShape struct {
	order   string // members of one object, in their order
	always  string // null or empty where unset
	leftOut string // absent where unset
}

var liveShapes = map[string]liveShape{
	"accounts": {
		order: `id name logo_url owner domain domains primary_domain type channels created_at updated_at tags custom_fields
			latest_customer_activity_time external_ids crm_settings is_disabled parent_account_id subaccount_ids associated_account_ids`,
		always:  `owner tags external_ids parent_account_id custom_fields channels subaccount_ids`,
		leftOut: `crm_settings associated_account_ids`,
	},
	"issues": {
		order: `id number title link body_html state account assignee requester team tags custom_fields first_response_time
			resolution_time resolution_breach_time first_resolution_time latest_message_time created_at updated_at customer_portal_visible
			source slack type is_issue_group external_issues first_response_seconds business_hours_first_response_seconds
			resolution_seconds business_hours_resolution_seconds team_slas number_of_touches attachment_urls author_unverified
			time_in_status_seconds business_hours_time_in_status_seconds`,
		always: `account assignee requester team tags first_response_time resolution_time first_resolution_time`,
		leftOut: `first_response_seconds business_hours_first_response_seconds resolution_seconds business_hours_resolution_seconds
			first_response_breach_time resolution_breach_time slack workspace_email external_issues team_slas chat_widget_info
			attachment_urls csat_responses child_issues parent_issue_group snoozed_until_time active_time_seconds
			business_hours_active_time_seconds active_time_by_user`,
	},
}

// membersOf returns the members of an object in their order.
func membersOf(t *testing.T, object []byte) (names []string, values map[string]string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	values = map[string]string{}
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		name, err := d.Token()
		check(t, err)
		var value json.RawMessage
		check(t, d.Decode(&value))
		names = append(names, name.(string))  //nolint:errcheck,forcetypeassert // a member's name is a string
		values[name.(string)] = string(value) //nolint:errcheck,forcetypeassert // likewise
	}
	return names, values
}

func TestObjects_haveTheShapeOfTheLiveAPI(t *testing.T) {
	t.Parallel()
	api := extracttest.New(extracttest.Options{Now: now, Issues: 500, Accounts: 200, UnknownFields: -1})
	unset := []string{"null", "[]", "{}", `""`}
	for stream, shape := range liveShapes {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			order := strings.Fields(shape.order)
			// How often a member was there, and how often it was unset.
			there, empty := map[string]int{}, map[string]int{}
			n, whole := 0, false
			for _, object := range api.Objects(stream) {
				n++
				names, values := membersOf(t, object)
				known := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(order, name) })
				have := slices.DeleteFunc(slices.Clone(order), func(name string) bool { return !slices.Contains(names, name) })
				if diff := cmp.Diff(have, known); diff != "" {
					t.Fatalf("order of members: %s", diff)
				}
				whole = whole || len(known) == len(order)
				for name, value := range values {
					there[name]++
					if slices.Contains(unset, value) {
						empty[name]++
					}
				}
			}
			if !whole {
				t.Error("no object has every member that was recorded")
			}
			for _, name := range strings.Fields(shape.always) {
				if there[name] != n || empty[name] == 0 || empty[name] == n {
					t.Errorf("%s: there in %d of %d, unset in %d", name, there[name], n, empty[name])
				}
			}
			for _, name := range strings.Fields(shape.leftOut) {
				if there[name] == 0 || there[name] == n || empty[name] > 0 {
					t.Errorf("%s: there in %d of %d, unset in %d", name, there[name], n, empty[name])
				}
			}
		})
	}
}

// Keys of custom fields hold dots, and their values nothing but value and values.
func TestCustomFields_areAsTheLiveAPIHasThem(t *testing.T) {
	t.Parallel()
	api := extracttest.New(extracttest.Options{Now: now, Issues: 50})
	dots, several := false, false
	for _, object := range api.Objects("issues") {
		var issue struct {
			CustomFields map[string]map[string]json.RawMessage `json:"custom_fields"`
		}
		check(t, json.Unmarshal(object, &issue))
		for slug, field := range issue.CustomFields {
			dots = dots || strings.Contains(slug, ".")
			values, isList := field["values"]
			several = several || isList && string(field["value"]) == `""` && len(values) > 4
			delete(field, "values")
			delete(field, "value")
			if len(field) > 0 {
				t.Errorf("%s has %v too", slug, field)
			}
		}
	}
	if !dots || !several {
		t.Errorf("a key with dots: %v, a field with several values: %v", dots, several)
	}
}
