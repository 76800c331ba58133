package requestlog

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/opentrusthub/trusthub/api"
)

// Entry is a request. It must not be changed, because all readers share it.
type Entry struct {
	Sequence          int64     // rises with each request of this server and, unless its clock goes back, over restarts
	Time              time.Time // when the response had been written
	Duration          time.Duration
	RequestID         string
	AccountSID        string     // empty without valid credentials
	ClaimedAccountSID string     // without valid credentials: the user name, if it has the form of an account SID
	ClaimedAPIKeySID  string     // the same for the form of the SID of an API key
	ClientAddress     netip.Addr // the zero Addr if unknown
	Operation         string     // its id in the contract; empty for an unknown path or method
	Method, Path      string
	IdempotencyKey    string
	Parameters        []Parameter // of the query string and the body, sorted by name
	Status            int         // 499 if the caller closed the connection before the response
	Broken            bool        // whether the response was broken off
	Code              int         // of the error; 0 for a success
	Message           string      // of the error

	bytes int // of memory
}

// Parameter is a parameter of a request.
type Parameter struct{ Name, Value string }

const (
	maxValue = 1024 // bytes of a text of the caller's
	cutMark  = "…"  // at the end of a text that was longer

	entryBytes     = 512 // an upper bound for an Entry without its texts and parameters, with its place in a queue and an account
	parameterBytes = 64  // an upper bound for a Parameter without its texts
)

// newEntry keeps no reference to the request: a text that is a part of a header or a body would keep all of it in memory.
func newEntry(info api.RequestInfo, now time.Time) *Entry {
	entry := &Entry{
		Time:              now,
		Duration:          info.Duration,
		RequestID:         info.ID,
		AccountSID:        info.AccountSID,
		ClientAddress:     info.Client,
		ClaimedAccountSID: presentable(info.ClaimedAccountSID),
		ClaimedAPIKeySID:  presentable(info.ClaimedAPIKeySID),
		Operation:         info.Operation,
		Method:            presentable(info.Method),
		Path:              presentable(info.Path),
		IdempotencyKey:    presentable(info.IdempotencyKey),
		Status:            info.Status,
		Broken:            info.Broken,
		Code:              int(info.Code),
		Message:           presentable(info.Message),
	}
	entry.Parameters = make([]Parameter, 0, len(info.Query)+len(info.Form))
	for _, values := range [...]url.Values{info.Query, info.Form} {
		for name := range values {
			entry.Parameters = append(entry.Parameters, Parameter{name, presentable(values.Get(name))})
		}
	}
	slices.SortFunc(entry.Parameters, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	entry.copyTexts()
	entry.bytes = entry.size()
	return entry
}

// copyTexts copies all texts that may be parts of the request into one.
func (e *Entry) copyTexts() {
	texts := append(make([]*string, 0, 32),
		&e.ClaimedAccountSID, &e.ClaimedAPIKeySID, &e.Method, &e.Path, &e.IdempotencyKey, &e.Message)
	for i := range e.Parameters {
		texts = append(texts, &e.Parameters[i].Name, &e.Parameters[i].Value)
	}
	length := 0
	for _, text := range texts {
		length += len(*text)
	}
	var all strings.Builder
	all.Grow(length)
	for _, text := range texts {
		start := all.Len()
		all.WriteString(*text)
		*text = all.String()[start:]
	}
}

// size returns about how many bytes of memory an entry takes, rather too many than too few.
func (e *Entry) size() int {
	size := entryBytes + len(e.RequestID) + len(e.AccountSID) + len(e.ClaimedAccountSID) + len(e.ClaimedAPIKeySID) +
		len(e.Method) + len(e.Path) + len(e.IdempotencyKey) + len(e.Message)
	for _, parameter := range e.Parameters {
		size += parameterBytes + len(parameter.Name) + len(parameter.Value)
	}
	return size
}

// presentable returns a text of the caller's without credentials and shortened to maxValue bytes.
func presentable(text string) string {
	text = withoutCredentials(text) // before it is cut, which could take the @ away that credentials are recognized by
	if len(text) <= maxValue {
		return text
	}
	end := maxValue - len(cutMark)
	for end > maxValue-len(cutMark)-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cutMark
}

const redacted = "[removed]"

// withoutCredentials replaces the user names and passwords of URLs in a text, such as user:password in
// https://user:password@host. Invalid URLs can contain some too, so it removes rather too much than too little: in each word with
// an @, all before it, if there is a colon in front of it.
func withoutCredentials(text string) string {
	if !strings.Contains(text, "@") || !strings.Contains(text, ":") {
		return text
	}
	var b strings.Builder
	for text != "" {
		end := strings.IndexAny(text, " \t\r\n\"")
		if end < 0 {
			end = len(text)
		}
		writeWord(&b, text[:end])
		text = text[end:]
		if text != "" {
			b.WriteByte(text[0])
			text = text[1:]
		}
	}
	return b.String()
}

func writeWord(b *strings.Builder, word string) {
	at := strings.LastIndexByte(word, '@')
	if at < 0 {
		b.WriteString(word)
		return
	}
	start := 0
	if scheme := strings.Index(word[:at], "://"); scheme >= 0 {
		start = scheme + len("://")
	}
	authority := word[start:]
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority = authority[:end]
	}
	if strings.Contains(word[start:at], ":") || start > 0 && strings.Contains(authority, "@") {
		word = word[:start] + redacted + word[at:]
	}
	b.WriteString(word)
}
