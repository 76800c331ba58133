package hub

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/store"
)

func TestColumnOf(t *testing.T) {
	for parameter, want := range map[string]string{
		"Status": "status", "FriendlyName": "friendly_name", "PolicySid": "policy_sid", "ChannelEndpointSid": "channel_endpoint_sid",
	} {
		if got := columnOf(parameter); got != want {
			t.Errorf("%s is filtered by %s, want %s", parameter, got, want)
		}
	}
}

// Each range of a constant list holds what its definition says, and what it says of the rest is true.
func TestConstant(t *testing.T) {
	c := newConstant(func(s string) string { return s }, "b", "e", "a", "d", "c")
	ends := []string{"", "0", "a", "bb", "c", "d", "e", "f"}
	for _, after := range ends {
		for _, until := range ends {
			for _, backward := range []bool{false, true} {
				for limit := 1; limit <= 6; limit++ {
					r := store.Range{After: after, Until: until, Backward: backward, Limit: limit}
					checkRange(t, c, r)
				}
			}
		}
	}
}

func checkRange(t *testing.T, c constant[string], r store.Range) {
	t.Helper()
	order := []string{"e", "d", "c", "b", "a"}
	if r.Backward {
		slices.Reverse(order)
	}
	var want []string
	for _, row := range order {
		passed, before := row < r.After, row > r.Until
		if r.Backward {
			passed, before = row > r.After, row < r.Until
		}
		if (passed || r.After == "") && (before || r.Until == "") {
			want = append(want, row)
		}
	}
	beyond := ""
	if len(want) > r.Limit {
		beyond, want = want[r.Limit], want[:r.Limit]
	}
	part, err := c.source().read(t.Context(), nil, r)
	if err != nil || !slices.Equal(part.Rows, want) || part.Beyond != beyond || part.Read != len(want) ||
		(len(want) > 0 && (part.Reached != want[len(want)-1] || part.Bytes == 0)) {
		t.Errorf("%+v: got %+v, %v, want %v and then %q", r, part, err, want, beyond)
	}
}

// A page token leads to a page of the list that it was made for, and of no other account, list or filter.
func TestTokenIsOfItsList(t *testing.T) {
	status := gen.BundleStatus("draft")
	r := requested(gen.NewListTrustProductRequest("", &gen.ListTrustProductParams{
		Status: &status, FriendlyName: new("a, b&c"), PageSize: new(int64(7)), PageToken: new("token"),
	}))
	if r.err != nil {
		t.Fatal(r.err)
	}
	l := newLinks(t.Context(), r.url, "AC1", "secret")
	if want := (url.Values{"Status": {"draft"}, "FriendlyName": {"a, b&c"}}); l.path != "/v1/TrustProducts" || l.size != 7 ||
		l.token != "token" || fmt.Sprint(l.filters) != fmt.Sprint(want) {
		t.Errorf("the links are %+v", l)
	}
	l.token = l.sign(position{after: "BU1"})
	if from, err := l.start(); err != nil || from.after != "BU1" {
		t.Errorf("the token leads to %+v, %v", from, err)
	}
	for what, change := range map[string]func(*links){
		"another account": func(l *links) { l.account = "AC2" },
		"another secret":  func(l *links) { l.secret = "other" },
		"another list":    func(l *links) { l.path = "/v1/TrustProducts/BU1/EntityAssignments" },
		"another filter":  func(l *links) { l.filters = url.Values{"Status": {"in-review"}} },
	} {
		other := l
		change(&other)
		_, err := other.start()
		if refusal, ok := errors.AsType[*api.Error](err); !ok || refusal.Code != api.CodeInvalidParameter {
			t.Errorf("%s: %v", what, err)
		}
	}
}
