package extracttest

import (
	"net/url"
	"strings"
	"time"
)

const (
	secondMS = int64(1000)
	minuteMS = 60 * secondMS
	hourMS   = 60 * minuteMS
	dayMS    = 24 * hourMS
)

// stamp writes a time as the API does: UTC, cut to whole seconds.
func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// stampOrNil is stamp, nil for 0.
func stampOrNil(ms int64) *string {
	if ms == 0 {
		return nil
	}
	return new(stamp(ms))
}

// A signed URL holds a signature of fixed length, so that resign can put a
// fresh one into its place. Its shape is that of
// https://assets.usepylon.com/<org uuid>%2F<uuid>-name.png?Expires=…&Signature=…&Key-Pair-Id=…
// as it stands in help centres that were exported from Pylon.
const (
	signedExpires = "?Expires="
	expiresLen    = 12
	signatureLen  = 43
)

// What follows the expiry in JSON: in a URL, and in a URL inside of HTML.
var signatureMarkers = []string{`\u0026Signature=`, `\u0026amp;Signature=`}

// Files have indices of their own, above those of issues and their children.
const (
	messageFile = 1 << 50
	inlineFile  = 1 << 51
	contactFile = 1 << 52
	accountFile = 1 << 53
)

// signed makes the signed URL of a file.
func (g *generator) signed(file int, name string) string {
	return "https://assets.usepylon.com/" + g.organization.String() + "%2F" + g.ids.id(kindFile, file).String() + "-" +
		url.PathEscape(name) + signedExpires + "253370764800&Signature=" + strings.Repeat("0", signatureLen) + "&Key-Pair-Id=K2SANDBOX"
}

// people and companies name users, contacts and accounts.
var people = []string{
	"Ada Byron", "Bob Ŝmith", "Chidi Anagonye", "Dvořák Ludmila", "Émile Zola", "Фёдор Петров", "Grace \"Amazing\" Hopper",
	"何 春燕", "İpek Yılmaz", "José María Ñandú", "김서연", "ليلى حسن", "Máire O'Néill", "Nguye\u0302\u0303n Va\u0306n An", "Zoë 🦊 Quick",
}

var companies = []string{
	"Acme", "Globex", "Smith & Sons <Ltd>", "東京製作所", "Initech", "Ünïcode GmbH", "Contoso \"EU\"", "Société Générique",
	"Ромашка", "שלום Industries", "Hooli 🚀", "Vandelay \\ Imports",
}

var subjects = []string{
	"Cannot export the report", "Login loops after SSO", "Webhook delivered twice", "Rechnung für März fehlt", "請求書が届きません",
	"Import stops at row 1\u202f000", "لا يمكنني تسجيل الدخول", "Question about \"seats\" & <billing>", "Dashboard 🐌 since this morning",
	"לא ניתן לשמור", "Path C:\\temp\\export is refused", "cafe\u0301 vs. café in search", "API returns 500 on PATCH", "Merci 🙏🏽 et une question",
	"Slack sync is late", "How do I rotate the key?", "Не приходит письмо", "Two\u2028lines in one title",
}

// sentences are what bodies of messages are made of: with markup, escapes and
// characters of one to four bytes.
var sentences = []string{
	"Hi team, since this morning the export stops after a few hundred rows, and the page only says “something went wrong”.",
	"We have tried it in <b>two</b> browsers &amp; on two networks, always with the same result.",
	"<blockquote>On Tue, Ada wrote:<br>&gt; please try again with a smaller range</blockquote>",
	"Guten Tag, könnten Sie bitte prüfen, weshalb die Rechnung für März nicht zugestellt wurde? Größe und Währung (€) stimmen.",
	"お世話になっております。請求書がまだ届いておりません。ご確認をお願いいたします。",
	"مرحبًا، لا أستطيع تسجيل الدخول إلى الحساب منذ أمس، والرمز لا يصل إلى البريد.",
	"שלום, הלחצן \"שמור\" אינו מגיב, ואין הודעת שגיאה.",
	"Thanks a lot 🙏🏽 that was fast! 👩‍👩‍👧‍👦 🏳️‍🌈 The whole family of products works again.",
	"<pre><code>curl -X POST \"https://api.example.com/v1/export\" \\\n\t-d '{\"rows\": 9007199254740993}'\n{\"error\":\"row \\\\u0000 refused\"}</code></pre>",
	"The log says: <i>context deadline exceeded (Client.Timeout exceeded while awaiting headers)</i>, see the attachment.",
	"Здравствуйте! Письмо с подтверждением не приходит уже третий день, папку «Спам» проверили.",
	"<ul><li>Step 1: open Settings → Billing</li><li>Step 2: choose “Annual”</li><li>Step 3: the total shows NaN</li></ul>",
	"Zalgo te\u0301\u0323\u0302xt and cafe\u0301 come back as different rows, though they look the same.",
	"Is there a limit for the number of seats on the plan we are on, and does a deactivated user count towards it?",
	"Our contract number is 𝟜𝟚-𝔸; the customer id has a leading zero: 00123.",
	"I attach a screenshot. Please note that the time on it is local (UTC+5:45), so it is a little ahead of your log.",
}
