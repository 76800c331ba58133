package conformance

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

const addressSID = "AD0123456789abcdef0123456789abcdef"

// phoneNumber returns a SID that no two cases share.
func phoneNumber() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return "PN" + hex.EncodeToString(b[:])
}

// secondaryPolicy is the policy of the profiles that Trust Products stand on. It differs from the product's, because a number is
// on one bundle of a policy only.
const secondaryPolicy = "RNdfbf3fae0e1107f8aded0e7cead80bf5"

// assignableNumber returns a phone number that can be assigned to the parent. The number of a Trust Product is on a Customer
// Profile that is assigned to the product, unless the target has none.
func (s *suite) assignableNumber() string {
	s.Helper()
	number := phoneNumber()
	if s.profiled == nil || !s.of(s.profiled.endpoints).can(createVerb) {
		return number
	}
	if s.profile == nil {
		s.profile = s.of(s.profiled.endpoints)
		profiles := s.of(s.profile.parent)
		s.profile.parentPath = profiles.item(profiles.create(form{"PolicySid": secondaryPolicy}).sid())
		s.assignProfile(s.profile.parentSID())
	}
	s.profile.create(form{"ChannelEndpointSid": number})
	return number
}

// assignProfile assigns a profile to the parent.
func (s *suite) assignProfile(sid string) {
	s.Helper()
	assignments := s.of(s.profiled.assignments)
	s.collection() // creates the parent
	assignments.parentPath = s.parentPath
	assignments.created(assignments.do(request{
		method: http.MethodPost, path: assignments.collection(), form: form{"ObjectSid": sid},
	}))
}

// refusedCreate expects a create with this form to be refused, and returns the message.
func (s *suite) refusedCreate(f form, status, code int) string {
	s.Helper()
	a := s.do(request{method: http.MethodPost, path: s.collection(), form: f})
	a.refused(status, code)
	return string(a.body)
}

// assignmentCases are about what can be assigned to a bundle, and when.
func assignmentCases(endUser, document *resource) map[string][]testCase {
	return map[string][]testCase{
		"create": {
			{name: "the same object twice is refused", uses: createVerb, run: func(s *suite) {
				draft := s.draft()
				s.create(draft)
				if message := s.refusedCreate(draft, http.StatusConflict, 70003); !strings.Contains(message, "already") {
					s.Errorf("the message does not say \"already\": %s", message)
				}
			}},
			{name: "an address is refused", uses: createVerb, run: func(s *suite) {
				s.refusedCreate(form{"ObjectSid": addressSID}, http.StatusBadRequest, 70002)
			}},
			{name: "a bundle cannot be assigned to itself", uses: createVerb, needs: needStandIn, run: func(s *suite) {
				s.refusedCreate(form{"ObjectSid": s.parentSID()}, http.StatusBadRequest, 70002)
			}},
			{name: "an object that does not exist is not found", uses: createVerb, run: func(s *suite) {
				for _, r := range []*resource{endUser, document, s.parent} {
					s.refusedCreate(form{"ObjectSid": s.of(r).unknownSID}, http.StatusNotFound, 20404)
				}
			}},
			{name: "an object of another account is not found", uses: createVerb, needs: needOther, run: func(s *suite) {
				users := s.of(endUser)
				theirs := users.do(request{method: http.MethodPost, path: users.collection(), form: users.draft()}.by(s.target)).
					object(http.StatusCreated)
				s.refusedCreate(form{"ObjectSid": theirs.sid()}, http.StatusNotFound, 20404)
				users.do(request{method: http.MethodDelete, path: users.item(theirs.sid())}.by(s.target))
			}},
		},
		"delete": {{
			name: "what is deleted is not assigned any more", uses: createVerb | fetchVerb | deleteVerb,
			run: func(s *suite) {
				sid := s.of(endUser).create(nil).sid()
				o := s.create(form{"ObjectSid": sid})
				s.of(endUser).delete(sid).expect(http.StatusNoContent)
				s.do(request{method: http.MethodGet, path: s.item(o.sid())}).refused(http.StatusNotFound, 20404)
			},
		}},
		"lifecycle": {{
			name: "a bundle under review is frozen, and so is what is assigned to it", uses: createVerb | fetchVerb | deleteVerb,
			needs: needLifecycle, run: func(s *suite) { frozen(s, endUser, document) },
		}},
	}
}

// parentSID returns the SID of the parent that the case has created.
func (s *suite) parentSID() string {
	s.Helper()
	parts := strings.Split(s.collection(), "/")
	return parts[len(parts)-2]
}

func frozen(s *suite, kinds ...*resource) {
	another, parent := s.draft(), s.of(s.parent)
	type assigned struct {
		kind   *suite
		object object
		itself object // the assignment
	}
	var all []assigned
	for _, r := range kinds {
		kind := s.of(r)
		o := kind.create(nil)
		all = append(all, assigned{kind, o, s.create(form{"ObjectSid": o.sid()})})
	}
	parent.update(s.parentSID(), held().with(form{"Status": pendingReview})).object(http.StatusOK)
	s.refusedCreate(another, http.StatusBadRequest, 70002)
	for _, one := range all {
		s.delete(one.itself.sid()).refused(http.StatusBadRequest, 70002)
		one.kind.update(one.object.sid(), one.kind.edit()).refused(http.StatusBadRequest, 70002)
		one.kind.delete(one.object.sid()).refused(http.StatusBadRequest, 70002)
		s.same("the assignment", one.itself, s.fetch(one.itself.sid()))
		s.same("the object", one.object, one.kind.fetch(one.object.sid()))
	}
}

// endpointCases are about which channel endpoints can be assigned to a bundle, and when.
func endpointCases() map[string][]testCase {
	return map[string][]testCase{
		"create": {{name: "a number is on one bundle of a policy", uses: createVerb, run: func(s *suite) {
			draft := s.draft()
			s.create(draft)
			elsewhere, other := s.of(s.resource), s.of(s.parent)
			for _, again := range []*suite{s, elsewhere} {
				message := again.refusedCreate(draft, http.StatusConflict, 70003)
				if !strings.Contains(message, "already assigned to "+s.parentSID()) {
					s.Errorf("the message does not name the bundle: %s", message)
				}
			}
			ofOtherPolicy := s.of(s.resource)
			ofOtherPolicy.parentPath = other.item(other.create(form{"PolicySid": s.target.PolicySIDs[1]}).sid())
			if s.profile != nil {
				ofOtherPolicy.assignProfile(s.profile.parentSID())
			}
			ofOtherPolicy.create(draft)
		}}},
		"lifecycle": {{
			name: "numbers can be assigned in any status", uses: createVerb | fetchVerb | deleteVerb, needs: needLifecycle,
			run: func(s *suite) {
				o := s.create(nil)
				s.of(s.parent).update(s.parentSID(), held().with(form{"Status": pendingReview})).object(http.StatusOK)
				s.create(nil)
				s.delete(o.sid()).expect(http.StatusNoContent)
			},
		}},
	}
}

// evaluationCases are about what an evaluation finds.
func evaluationCases() map[string][]testCase {
	return map[string][]testCase{"create": {
		{name: "without anything assigned, each requirement fails and says why", uses: createVerb, run: func(s *suite) {
			o := s.create(nil)
			results, _ := o["results"].([]any)
			if o.text("status") != "noncompliant" || len(results) == 0 {
				s.Errorf("it is %s, with %d results", o.text("status"), len(results))
			}
			for _, one := range results {
				result, _ := one.(map[string]any)
				if result["passed"] != false || result["failure_reason"] == nil || result["error_code"] == nil {
					s.Errorf("a result is %v", result)
				}
			}
		}},
		{name: "each is a new one, and the earlier does not change", uses: createVerb | fetchVerb, run: func(s *suite) {
			first := s.create(nil)
			if second := s.create(nil); second.sid() == first.sid() {
				s.Error("two creates made one")
			}
			s.same("the first", first, s.fetch(first.sid()))
		}},
		{name: "an unknown policy requires nothing", uses: createVerb, needs: needStandIn, run: func(s *suite) {
			if o := s.create(form{"PolicySid": "RN" + strings.Repeat("f", 32)}); o.text("status") != "compliant" {
				s.Errorf("it is %s", o.text("status"))
			}
		}},
	}}
}
