package extract

import (
	"net/url"
	"strings"
)

// mask stands for a part of a URL that is not shown.
const mask = "******"

// MaskURL returns a URL as it may be shown: without user, password, query and
// fragment. Of a text that holds a secret and is no URL nothing is shown.
func MaskURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || (u.Host == "" && strings.ContainsAny(text, "@?")) {
		if strings.ContainsAny(text, "@?/") {
			return mask
		}
		return text
	}
	if u.User != nil {
		u.User = url.User(mask)
	}
	if u.RawQuery != "" {
		u.RawQuery = mask
	}
	if u.Fragment != "" {
		u.Fragment, u.RawFragment = mask, mask
	}
	return strings.ReplaceAll(u.String(), url.QueryEscape(mask), mask)
}
