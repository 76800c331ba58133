package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/gen"
)

// CallOption sets something for one call. Every method that calls the API takes any number of them.
type CallOption func(*callSettings)

type callSettings struct {
	key *string // nil: none was given
}

// WithIdempotencyKey makes a create repeatable by the caller, too: the same key and request create one resource, even if this
// process dies in between and another one repeats the call. A key with another request is ErrConflict. It has 1 to 255
// printable ASCII characters without spaces; a server keeps it for 24 hours. It is not sent to twilio.com: see Retries. A call
// of an operation that takes no key fails.
func WithIdempotencyKey(key string) CallOption {
	return func(s *callSettings) { s.key = &key }
}

func settingsOf(options []CallOption) (s callSettings) {
	for _, option := range options {
		option(&s)
	}
	return s
}

const keyHeader = "Idempotency-Key"

// withKey sets the options of a call whose operation takes an idempotency key: the caller's own, or a random one.
func (c *Client) withKey(options []CallOption) gen.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		key := cmp.Or(r.Header.Get(keyHeader), rand.Text())
		if given := settingsOf(options).key; given != nil {
			key = *given
		}
		return c.setKey(r.Header, key)
	}
}

// setKey validates an idempotency key and sets it, unless the service is Twilio's own: see Retries in the package comment.
func (c *Client) setKey(header http.Header, key string) error {
	if key == "" || len(key) > 255 || !printable(key) || strings.Contains(key, " ") {
		return errors.New("client: an idempotency key has 1 to 255 printable ASCII characters without spaces")
	}
	header.Del(keyHeader)
	if c.sendsKeys {
		header.Set(keyHeader, key)
	}
	return nil
}

// withoutKey sets the options of a call whose operation takes no idempotency key.
func (*Client) withoutKey(options []CallOption) gen.RequestEditorFn {
	return func(context.Context, *http.Request) error {
		if settingsOf(options).key != nil {
			return errors.New("client: this operation takes no idempotency key")
		}
		return nil
	}
}

// checkPath keeps a parameter of the path from changing which URL is called. It takes names and values by turns. Whether what
// they name exists is for the server to say.
func checkPath(namesAndValues ...string) error {
	for pair := range slices.Chunk(namesAndValues, 2) {
		name, value := pair[0], pair[1]
		if value == "" || strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			return fmt.Errorf("client: invalid %s: it must consist of letters, digits, hyphens and underscores", name)
		}
	}
	return nil
}

// MustJSON returns v as JSON, for a field that holds a JSON object, such as Attributes of CreateEndUserRequest. v is usually a
// map or a struct with JSON tags. MustJSON panics if v cannot be encoded (a function, a channel, NaN); with values that may be
// such, use [json.Marshal].
func MustJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("client: MustJSON: %T: %v", v, err))
	}
	return string(data)
}

const formType = "application/x-www-form-urlencoded"

// form encodes the fields of a request, a struct with JSON tags. Text is sent as it is, everything else as JSON: a number, true
// or false, an object. A nil pointer is not sent. The generated code has no way to send an object as JSON in a form.
func form(request any) (io.Reader, error) {
	values := url.Values{}
	for field, value := range reflect.ValueOf(request).Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if value.IsZero() && (value.Kind() == reflect.Pointer || strings.Contains(options, "omitempty")) {
			continue
		}
		value = reflect.Indirect(value)
		if value.Kind() == reflect.String {
			values.Set(name, value.String())
			continue
		}
		data, err := json.Marshal(value.Interface())
		if err != nil {
			return nil, fmt.Errorf("client: encode %s: %w", name, err)
		}
		text := string(data)
		if data[0] == '"' { // a date, for example
			err = json.Unmarshal(data, &text)
		}
		if err != nil {
			return nil, fmt.Errorf("client: encode %s: %w", name, err)
		}
		values.Set(name, text)
	}
	return strings.NewReader(values.Encode()), nil
}
