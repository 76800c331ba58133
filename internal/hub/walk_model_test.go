package hub_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// model is what an account should have after the steps so far.
type model struct {
	bundles []*walkBundle
	objects []*walkObject
}

type walkBundle struct {
	kind        trust.Kind
	sid, policy string
	fields      map[string]string // that edit sets
	status      trust.Status
	expired     bool              // whether the last rejection was the end of an approval
	assigned    map[string]string // the SID of the assignment, by that of the object
	endpoints   map[string]string // the same of channel endpoints
	evaluations map[string]string // the response that told of it, by SID
	submitted   string            // what was assigned at the last submission, by walk.contents
	history     []string          // all that was done to it after its creation, by walkEvent
	gone        bool
}

func (b *walkBundle) path() string { return walkPath(b.kind) + "/" + b.sid }

func walkPath(kind trust.Kind) string {
	return map[trust.Kind]string{trust.TrustProduct: "/TrustProducts", trust.CustomerProfile: "/CustomerProfiles"}[kind]
}

// walkObject is an end user or a supporting document.
type walkObject struct {
	path, sid, typ, attributes string
	gone                       bool
}

// note adds what the last request has done to the history of a bundle.
func (w *walk) note(b *walkBundle, typ trust.EventType, object string) {
	b.note(trust.Event{Origin: w.requested(), Type: typ, ObjectSID: object})
}

// noteAll is note for all bundles that the object is assigned to.
func (w *walk) noteAll(typ trust.EventType, object string) {
	for _, b := range w.bundles {
		if b.assigned[object] != "" {
			w.note(b, typ, object)
		}
	}
}

const (
	cnam      = "RNf3db3cd1fe25fcfd3c3ded065c8fea53"
	secondary = "RNdfbf3fae0e1107f8aded0e7cead80bf5"
	missing   = "00000000000000000000000000000000"
)

var walkAttributes = []string{
	"", `{}`, `{"cnam_display_name":"Acme"}`, `{"cnam_display_name":"1 is no letter"}`,
	`{"address_sids":"AD00000000000000000000000000000001"}`, `{"first_name":"Ada"}`,
}

func (w *walk) createBundle() {
	kind, policy := one(w, []trust.Kind{trust.TrustProduct, trust.CustomerProfile}), one(w, []string{cnam, cnam, secondary})
	a := w.send("create bundle", http.MethodPost, walkPath(kind),
		url.Values{"FriendlyName": {walkNames[0]}, "Email": {walkEmails[0]}, "PolicySid": {policy}}.Encode(), http.StatusCreated, 0)
	w.addBundle(kind, a.SID, policy)
}

func (w *walk) addBundle(kind trust.Kind, sid, policy string) *walkBundle {
	b := &walkBundle{
		kind: kind, sid: sid, policy: policy, status: trust.Draft,
		fields:   map[string]string{"FriendlyName": walkNames[0], "Email": walkEmails[0], "StatusCallback": ""},
		assigned: map[string]string{}, endpoints: map[string]string{}, evaluations: map[string]string{},
	}
	w.bundles = append(w.bundles, b)
	return b
}

// otherKind wants a bundle, and what belongs to it, not to be found as one of the other kind.
func (w *walk) otherKind() {
	b := *w.bundle()
	if b.kind == trust.TrustProduct {
		b.kind = trust.CustomerProfile
	} else {
		b.kind = trust.TrustProduct
	}
	step := one(w, []struct{ method, path, form string }{
		{http.MethodGet, b.path(), ""},
		{http.MethodPost, b.path(), "Status=pending-review"},
		{http.MethodDelete, b.path(), ""},
		{http.MethodPost, b.path() + "/EntityAssignments", "ObjectSid=IT" + missing},
		{http.MethodGet, b.path() + "/EntityAssignments/" + cmp.Or(one(w, slices.Sorted(maps.Values(b.assigned))), "BV"+missing), ""},
		{http.MethodDelete, b.path() + "/EntityAssignments/" + cmp.Or(one(w, slices.Sorted(maps.Values(b.assigned))), "BV"+missing), ""},
		{http.MethodDelete, b.path() + "/ChannelEndpointAssignments/" + cmp.Or(one(w, slices.Sorted(maps.Values(b.endpoints))), "RA"+missing), ""},
		{http.MethodPost, b.path() + "/Evaluations", "PolicySid=" + cnam},
	})
	w.send("other kind", step.method, step.path, step.form, http.StatusNotFound, api.CodeNotFound)
}

func (w *walk) createObject() {
	o := one(w, []walkObject{
		{path: "/EndUsers", typ: "cnam_information"},
		{path: "/EndUsers", typ: "cnam_information"},
		{path: "/EndUsers", typ: "authorized_representative_1"},
		{path: "/SupportingDocuments", typ: "customer_profile_address"},
	})
	o.attributes = one(w, walkAttributes)
	form := url.Values{"FriendlyName": {"Acme"}, "Type": {o.typ}}
	if o.attributes != "" {
		form.Set("Attributes", o.attributes)
	}
	o.attributes = cmp.Or(o.attributes, "{}")
	o.sid = w.send("create object", http.MethodPost, o.path, form.Encode(), http.StatusCreated, 0).SID
	w.objects = append(w.objects, &o)
}

// frozen reports whether an object is assigned to a bundle that is frozen.
func (m model) frozen(sid string) bool {
	return slices.ContainsFunc(m.bundles, func(b *walkBundle) bool { return b.assigned[sid] != "" && !b.status.Editable() })
}

// remove forgets what is gone, and that it was assigned.
func (m model) remove(sid string, gone *bool) {
	*gone = true
	for _, b := range m.bundles {
		delete(b.assigned, sid)
	}
}

// there reports whether an object of this SID can be assigned.
func (m model) there(sid string) bool {
	return sid == trust.PrimarySID(walkNeighbor.SID) ||
		slices.ContainsFunc(m.bundles, func(b *walkBundle) bool { return b.sid == sid && !b.gone }) ||
		slices.ContainsFunc(m.objects, func(o *walkObject) bool { return o.sid == sid && !o.gone })
}

func (w *walk) assign() {
	b, objects := w.bundle(), []string{"IT" + missing, "XX" + missing, "AD" + missing, trust.PrimarySID(walkNeighbor.SID)}
	for range 4 { // so that it is one of these more often
		for _, o := range w.objects {
			objects = append(objects, o.sid)
		}
	}
	for _, other := range w.bundles {
		objects = append(objects, other.sid)
	}
	object := one(w, objects)
	status, code := http.StatusCreated, api.Code(0)
	switch {
	case b.gone:
		status, code = http.StatusNotFound, api.CodeNotFound
	case !b.status.Editable(), object == b.sid, strings.HasPrefix(object, "AD"), strings.HasPrefix(object, "XX"):
		status, code = http.StatusBadRequest, api.CodeInvalidState
	case !w.there(object):
		status, code = http.StatusNotFound, api.CodeNotFound
	case b.assigned[object] != "":
		status, code = http.StatusConflict, api.CodeAlreadyAssigned
	}
	a := w.send("assign", http.MethodPost, b.path()+"/EntityAssignments", "ObjectSid="+object, status, code)
	if status == http.StatusCreated {
		b.assigned[object] = a.SID
		w.note(b, trust.EventAssigned, object)
	}
}

func (w *walk) unassign() {
	b := w.bundle()
	object := one(w, slices.Sorted(maps.Keys(b.assigned)))
	sid, status, code := b.assigned[object], http.StatusNoContent, api.Code(0)
	switch {
	case b.gone, sid == "":
		sid, status, code = "BV"+missing, http.StatusNotFound, api.CodeNotFound
	case !b.status.Editable():
		status, code = http.StatusBadRequest, api.CodeInvalidState
	}
	w.send("unassign", http.MethodDelete, b.path()+"/EntityAssignments/"+sid, "", status, code)
	if status == http.StatusNoContent {
		delete(b.assigned, object)
		w.note(b, trust.EventUnassigned, object)
	}
}

func (w *walk) update() {
	o, attributes := w.object(), one(w, walkAttributes[1:])
	status, code, changed := http.StatusOK, api.Code(0), false
	switch {
	case o.gone:
		status, code = http.StatusNotFound, api.CodeNotFound
	case attributes != o.attributes && w.frozen(o.sid):
		status, code = http.StatusBadRequest, api.CodeInvalidState
	default:
		o.attributes, changed = attributes, attributes != o.attributes
	}
	w.send("update", http.MethodPost, o.path+"/"+o.sid, url.Values{"Attributes": {attributes}}.Encode(), status, code)
	if changed {
		w.noteAll(trust.EventObjectUpdated, o.sid)
	}
}

func (w *walk) deleteObject() {
	o := w.object()
	status, code := http.StatusNoContent, api.Code(0)
	switch {
	case o.gone:
		status, code = http.StatusNotFound, api.CodeNotFound
	case w.frozen(o.sid):
		status, code = http.StatusBadRequest, api.CodeInvalidState
	}
	w.send("delete object", http.MethodDelete, o.path+"/"+o.sid, "", status, code)
	if status == http.StatusNoContent {
		w.noteAll(trust.EventUnassigned, o.sid)
		w.remove(o.sid, &o.gone)
	}
}

func (w *walk) endpoint() {
	b, number := w.bundle(), one(w, []string{"PN" + missing, "PN11111111111111111111111111111111"})
	status, code, holder := http.StatusCreated, api.Code(0), ""
	if b.kind == trust.TrustProduct && !w.onProfile(b, number) {
		status, code = http.StatusBadRequest, api.CodeInvalidState
	}
	for _, other := range w.bundles {
		if other.endpoints[number] != "" && other.policy == b.policy && !other.gone {
			status, code, holder = http.StatusConflict, api.CodeAlreadyAssigned, other.sid
		}
	}
	if b.gone {
		status, code, holder = http.StatusNotFound, api.CodeNotFound, ""
	}
	a := w.send("endpoint", http.MethodPost, b.path()+"/ChannelEndpointAssignments",
		"ChannelEndpointType=phone-number&ChannelEndpointSid="+number, status, code)
	if !strings.Contains(a.Message, holder) {
		w.fail("%q does not name %s", a.Message, holder)
	}
	if status == http.StatusCreated {
		b.endpoints[number] = a.SID
		w.note(b, trust.EventEndpointAssigned, number)
	}
}

// onProfile reports whether an endpoint is on a profile that is assigned to a product.
func (m model) onProfile(product *walkBundle, endpoint string) bool {
	return slices.ContainsFunc(m.bundles, func(b *walkBundle) bool {
		return b.kind == trust.CustomerProfile && b.endpoints[endpoint] != "" && product.assigned[b.sid] != ""
	})
}

func (w *walk) takeEndpoint() {
	b := w.bundle()
	number := one(w, slices.Sorted(maps.Keys(b.endpoints)))
	sid, status, code := b.endpoints[number], http.StatusNoContent, api.Code(0)
	if b.gone || sid == "" {
		sid, status, code = "RA"+missing, http.StatusNotFound, api.CodeNotFound
	}
	w.send("take endpoint", http.MethodDelete, b.path()+"/ChannelEndpointAssignments/"+sid, "", status, code)
	if status == http.StatusNoContent {
		delete(b.endpoints, number)
		w.note(b, trust.EventEndpointUnassigned, number)
	}
}

// evaluate wants the evaluation that the catalog makes of what should be assigned.
func (w *walk) evaluate() {
	b, policy := w.bundle(), one(w, []string{cnam, secondary, "RN" + missing})
	path, form := b.path()+"/Evaluations", "PolicySid="+policy
	if b.gone {
		w.send("evaluate", http.MethodPost, path, form, http.StatusNotFound, api.CodeNotFound)
		return
	}
	a := w.send("evaluate", http.MethodPost, path, form, http.StatusCreated, 0)
	status, results := catalog.Default().Evaluate(policy, w.assignedTo(b))
	text, err := json.Marshal(results)
	if err != nil {
		w.fail("%v", err)
	}
	var want, got any
	if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(a.Results, &got)); err != nil {
		w.fail("%v", err)
	}
	w.outcomes["evaluate 201 "+string(status)]++
	if a.Status != string(status) || !reflect.DeepEqual(got, want) {
		w.fail("%s was evaluated as\n%s\nwant %s\n%s", b.sid, a.body, status, text)
	}
	b.evaluations[a.SID] = a.body
	w.note(b, trust.EventEvaluated, a.SID)
}

// assignedTo is what should be assigned to a bundle, as far as an evaluation reads it.
func (m model) assignedTo(b *walkBundle) (assigned trust.Assigned) {
	for _, o := range m.objects {
		object := trust.EndUser{SID: o.sid, Type: o.typ, Attributes: json.RawMessage(o.attributes)}
		switch {
		case b.assigned[o.sid] == "":
		case o.path == "/EndUsers":
			assigned.EndUsers = append(assigned.EndUsers, object)
		default:
			assigned.Documents = append(assigned.Documents, trust.SupportingDocument(object))
		}
	}
	for _, other := range m.bundles {
		if b.assigned[other.sid] != "" {
			assigned.Bundles = append(assigned.Bundles,
				trust.Bundle{SID: other.sid, Kind: other.kind, PolicySID: other.policy, Status: other.status})
		}
	}
	if neighbors := trust.PrimarySID(walkNeighbor.SID); b.assigned[neighbors] != "" {
		assigned.Bundles = append(assigned.Bundles, trust.Bundle{
			SID: neighbors, Kind: trust.CustomerProfile, PolicySID: trust.PrimaryPolicySID, Status: trust.TwilioApproved,
		})
	}
	return assigned
}
