package extracttest

import "strconv"

// object is one version of an object of a small stream: all but issues and
// their children. Its content is drawn from index and rev, or is data.
type object struct {
	index   int
	rev     int
	key     string
	id      uuid
	group   string // what it is listed by: knowledge base or object type
	data    []byte
	created int64
	updated int64
}

// revised tells the versions of an object apart where a person reads them.
func (o *object) revised(label string) string {
	if o.rev == 0 {
		return label
	}
	return label + " [r" + strconv.Itoa(o.rev) + "]"
}

// name is one of the bases, with a number where it is used again, and the revision.
func (o *object) name(bases ...string) string {
	name := bases[o.index%len(bases)]
	if o.index >= len(bases) {
		name += " " + strconv.Itoa(o.index)
	}
	return o.revised(name)
}

// slug is one of the bases, with a number where it is used again.
func (o *object) slug(bases ...string) string {
	slug := bases[o.index%len(bases)]
	if o.index >= len(bases) {
		slug += "_" + strconv.Itoa(o.index)
	}
	return slug
}

// accountJSON is an account as the live API writes it (recorded on 2026-10-08):
// members in that order, those that are null or empty where unset, and those
// that are left out.
type accountJSON struct {
	accountName
	accountState
}

type accountName struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	LogoURL       string     `json:"logo_url"`
	Owner         *reference `json:"owner"`
	Domain        string     `json:"domain"`
	Domains       []string   `json:"domains"`
	PrimaryDomain string     `json:"primary_domain"`
	Type          string     `json:"type"`
	Channels      []channel  `json:"channels"`
	Created       string     `json:"created_at"`
	Updated       *string    `json:"updated_at,omitempty"`
}

type accountState struct {
	Tags           []string      `json:"tags"`
	CustomFields   *customFields `json:"custom_fields"`
	LatestActivity string        `json:"latest_customer_activity_time"`
	ExternalIDs    []externalID  `json:"external_ids"`
	CRMSettings    *crmSettings  `json:"crm_settings,omitempty"`
	IsDisabled     bool          `json:"is_disabled"`
	Parent         *string       `json:"parent_account_id"`
	Subaccounts    []string      `json:"subaccount_ids"`
	Associated     []string      `json:"associated_account_ids,omitempty"`
}

type channel struct {
	ID         string         `json:"channel_id"`
	Name       string         `json:"channel_name"`
	URL        string         `json:"channel_url"`
	Source     string         `json:"source"`
	IsPrimary  bool           `json:"is_primary"`
	IsInternal bool           `json:"is_internal"`
	MirrorTo   *mirrorChannel `json:"mirror_to,omitempty"`
}

type mirrorChannel struct {
	ID     string `json:"channel_id"`
	Source string `json:"source"`
}

type crmSettings struct {
	Details []crmDetails `json:"details"`
}

type crmDetails struct {
	Source string `json:"source"`
	ID     string `json:"id"`
}

func (g *generator) account(o *object) any {
	i, full := o.index, o.index == 0
	domain := "account" + strconv.Itoa(i) + ".example"
	a := accountJSON{
		accountName{
			ID: o.id.String(), Name: o.name(companies...), LogoURL: g.signed(accountFile|i, "logo.png"),
			Domain: domain, Domains: []string{domain}, PrimaryDomain: domain,
			Type: [...]string{"customer", "customer", "internal", "community", "partner"}[i%5], Channels: []channel{},
			Created: stamp(o.created), Updated: new(stamp(o.updated)),
		},
		accountState{
			CustomFields: &customFields{}, LatestActivity: stamp(o.created + hourMS), ExternalIDs: externalIDs(i),
			IsDisabled: i%10 == 7, Subaccounts: []string{},
		},
	}
	if g.opts.Users > 0 && (full || i%3 == 1) {
		a.Owner = g.ref(newScratch(), kindUser, i%g.opts.Users)
	}
	if full || i%4 == 2 {
		a.Tags = tagValues[:1+i%3]
	}
	if full || i%2 == 1 {
		a.CustomFields = g.customFields(g.hash(kindAccount, i), i, full)
	}
	if full || i%3 == 2 {
		a.Channels = []channel{{
			"C0" + strconv.Itoa(i), "ext-größe", "https://acme.slack.example/archives/C0", "slack", true, false,
			&mirrorChannel{"19:abc@thread.tacv2", "microsoft_teams"},
		}}
	}
	if full || i%4 == 3 {
		a.CRMSettings = &crmSettings{[]crmDetails{{"hubspot", "00" + strconv.Itoa(i)}, {"salesforce", "0015g00000XyZ"}}}
	}
	if n := g.opts.Accounts; n > 1 && (full || i%6 == 4) {
		other := g.ids.id(kindAccount, (i+1)%n).String()
		a.Parent, a.Subaccounts, a.Associated = &other, []string{g.ids.id(kindAccount, (i+2)%n).String()}, []string{other}
	}
	return a
}

// contactJSON is a contact as the API's description has it: no capture is public.
type contactJSON struct {
	contactName
	contactState
}

type contactName struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	Email        string        `json:"email"`
	Emails       []string      `json:"emails"`
	AvatarURL    string        `json:"avatar_url"`
	Account      *miniAccount  `json:"account"`
	CustomFields *customFields `json:"custom_fields"`
	ExternalIDs  []externalID  `json:"external_ids"`
}

type contactState struct {
	IntegrationUserIDs []integrationUserID `json:"integration_user_ids"`
	PhoneNumbers       []string            `json:"phone_numbers"`
	PrimaryPhoneNumber *string             `json:"primary_phone_number"`
	PortalRole         string              `json:"portal_role"`
	PortalRoleID       *string             `json:"portal_role_id"`
}

type integrationUserID struct {
	ID     string `json:"id"`
	Source string `json:"source"`
}

func (g *generator) contact(o *object) any {
	i, full := o.index, o.index == 0
	c := contactJSON{
		contactName{
			ID: o.id.String(), Name: o.name(people...), Email: g.contactEmail(i), Emails: []string{g.contactEmail(i)},
			CustomFields: g.customFields(g.hash(kindContact, i), i, full), ExternalIDs: externalIDs(i),
		},
		contactState{
			IntegrationUserIDs: []integrationUserID{}, PortalRole: [...]string{"member", "no_access", "admin"}[i%3],
		},
	}
	if full || i%3 == 1 {
		c.AvatarURL = g.signed(contactFile|i, "avatar.png")
	}
	if g.opts.Accounts > 0 && (full || i%9 != 8) {
		c.Account = g.miniAccount(newScratch(), i%g.opts.Accounts)
	}
	if full || i%2 == 1 {
		c.IntegrationUserIDs = []integrationUserID{{"U024BE7LH", "slack"}}
		c.PhoneNumbers = []string{"+49 30 1234567", "+1 555 0100"}
		c.PrimaryPhoneNumber = &c.PhoneNumbers[0]
	}
	if g.opts.UserRoles > 0 && i%3 == 0 {
		c.PortalRoleID = new(g.ids.id(kindUserRole, i%g.opts.UserRoles).String())
	}
	return c
}

func (g *generator) contactEmail(c int) string {
	return "contact" + strconv.Itoa(c) + "@account" + strconv.Itoa(c%max(g.opts.Accounts, 1)) + ".example"
}
