package extracttest

import (
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	secondMS = int64(1000)
	minuteMS = 60 * secondMS
	hourMS   = 60 * minuteMS
	dayMS    = 24 * hourMS
)

const lowerHex = "0123456789abcdef"

// appendString appends s as a JSON string, escaped like Go's encoding/json does,
// which the real API is written with.
func appendString(dst []byte, s string) []byte {
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// appendEscaped appends the inside of a JSON string.
func appendEscaped(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == '\u2028' || r == '\u2029' {
				dst = append(dst, s[start:i]...)
				dst = append(dst, `\u202`...)
				dst = append(dst, lowerHex[r&0xf])
				start = i + size
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&0xf])
		}
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// appendTime appends the time as the API writes it: UTC, cut to whole seconds.
func appendTime(dst []byte, ms int64) []byte {
	dst = append(dst, '"')
	dst = time.UnixMilli(ms).UTC().AppendFormat(dst, time.RFC3339)
	return append(dst, '"')
}

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']')
}

func appendID(dst []byte, id uuid) []byte {
	return append(id.append(append(dst, '"')), '"')
}

// A signed URL holds a signature of fixed length, so that resign can put a
// fresh one into its place.
const (
	signedExpires   = "?Expires="
	signedSignature = "&Signature="
	signedKeyPair   = "&Key-Pair-Id="
	expiresLen      = 12
	signatureLen    = 43
)

// appendSigned appends a JSON string with the signed URL of a file.
func (g *generator) appendSigned(dst []byte, file int, name string) []byte {
	id := g.ids.id(kindFile, file)
	dst = append(dst, `"https://assets.usepylon.com/`...)
	dst = g.organization.append(dst)
	dst = append(dst, '/')
	dst = id.append(dst)
	dst = append(dst, '-')
	dst = appendEscaped(dst, name)
	dst = append(dst, signedExpires+"253370764800"+signedSignature...)
	for range signatureLen {
		dst = append(dst, '0')
	}
	return append(dst, signedKeyPair+`K2SANDBOX"`...)
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
