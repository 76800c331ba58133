package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/gen"
)

// CallOption changes one call. Every method that calls the API takes any number of them.
type CallOption func(*callSettings)

type callSettings struct {
	key *string // nil if none was given
}

// WithIdempotencyKey lets the caller repeat a create safely: calls with the same key and request create one resource, even if
// this process dies and another one repeats the call. Using a key for another request is ErrConflict. A key has 1 to 255
// printable ASCII characters without spaces; a server keeps it for 24 hours. It is not sent to twilio.com: see Retries in the
// package comment. If the operation does not take a key, the call returns an error.
func WithIdempotencyKey(key string) CallOption {
	return func(s *callSettings) { s.key = &key }
}

func settingsOf(options []CallOption) (s callSettings) {
	for _, option := range options {
		option(&s)
	}
	return s
}

// NewIdempotencyKey returns a new key, as a call without WithIdempotencyKey sends: the time in milliseconds and 128 random bits,
// in hexadecimal. Keys in the order of their time are stored faster than random ones, because the next one belongs beside the
// last.
func NewIdempotencyKey() string {
	const timeBytes, randomBytes = 6, 16
	var key [timeBytes + randomBytes]byte
	binary.BigEndian.PutUint64(key[:], uint64(time.Now().UnixMilli())<<16)
	_, _ = rand.Read(key[timeBytes:]) // never fails: crypto/rand ends the program instead
	var text [2 * len(key)]byte
	hex.Encode(text[:], key[:])
	return string(text[:])
}

const keyHeader = "Idempotency-Key"

// withKey applies the options of a call whose operation takes an idempotency key, and sets the caller's key or a new one.
func (c *Client) withKey(options []CallOption) gen.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		key := r.Header.Get(keyHeader)
		if key == "" {
			key = NewIdempotencyKey()
		}
		if given := settingsOf(options).key; given != nil {
			key = *given
		}
		return c.setKey(r.Header, key)
	}
}

// setKey validates an idempotency key and sets it, unless the service is Twilio's own: see Retries in the package comment.
func (c *Client) setKey(header http.Header, key string) error {
	if key == "" || len(key) > 255 || !printable(key) || strings.Contains(key, " ") {
		return errors.New("client: an idempotency key must have 1 to 255 printable ASCII characters without spaces")
	}
	header.Del(keyHeader)
	if c.sendsKeys {
		header.Set(keyHeader, key)
	}
	return nil
}

// withoutKey applies the options of a call whose operation does not take an idempotency key.
func (*Client) withoutKey(options []CallOption) gen.RequestEditorFn {
	return func(context.Context, *http.Request) error {
		if settingsOf(options).key != nil {
			return errors.New("client: this operation does not take an idempotency key")
		}
		return nil
	}
}

// checkPath returns an error for a path parameter that could change which URL is called. It takes names and values
// alternately. Whether the resource exists is for the server to decide.
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

// form encodes a request, a struct with JSON tags, as a form. Strings are sent as they are, and numbers, booleans and objects
// as JSON. Nil pointers are left out. The generated code cannot send an object as JSON in a form.
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
