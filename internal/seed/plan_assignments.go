package seed

import (
	"slices"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// target is an object that can be assigned, and the machine name of its type.
type target struct {
	sid, objectType string
	hashed          string // the part of an assignment's SID; the same in every account
}

// targets returns all that the file can assign, by their keys.
func (p *plan) targets() map[string]target {
	all := map[string]target{}
	for _, o := range p.file.objects {
		objectType := o.form.Get("Type")
		if o.kind.bundle != "" {
			objectType = catalog.Default().BundleType(o.form.Get("PolicySid"))
		}
		all[o.key] = target{o.sid, objectType, o.sid}
	}
	if primary, ok := p.found.bundles[trust.PrimarySID(p.account)]; ok {
		all[primaryKey] = target{primary.SID, catalog.Default().BundleType(primary.PolicySID), primaryKey}
	}
	return all
}

// addAssignments adds the objects that a bundle lacks.
func (p *plan) addAssignments(o object, targets map[string]target) {
	assigned := p.found.assigned[o.sid]
	for _, reference := range o.assign {
		object, ok := targets[reference.text]
		switch stored, isStored := p.found.bundles[o.sid]; {
		case !ok:
			p.add(reference.line, "assign: the account has no Primary Customer Profile")
		case slices.Contains(assigned, object.sid):
			p.result.Unchanged++
		case isStored && stored.Status.AssignmentsFrozen() != nil:
			p.add(reference.line, "assign: the bundle is in review or approved, and does not have this object")
		case len(assigned) == store.MaxAssigned:
			p.add(reference.line, "assign: a bundle can have at most %d objects", store.MaxAssigned)
			return
		default:
			assigned = append(assigned, object.sid)
			p.rows.Assignments = append(p.rows.Assignments, trust.Assignment{
				SID: sidOf(trust.AssignmentPrefix, o.sid, object.hashed), AccountSID: p.account, BundleSID: o.sid,
				ObjectSID: object.sid, ObjectType: object.objectType, Created: p.config.Now,
			})
		}
	}
	p.found.assigned[o.sid] = assigned
}

// addNumbers adds the phone numbers that a bundle lacks. Those of profiles come first.
func (p *plan) addNumbers(o object) {
	policy := o.form.Get("PolicySid")
	for _, n := range o.numbers {
		switch holder := p.found.numbers[number{n.text, policy}]; {
		case holder == o.sid:
			p.result.Unchanged++
		case holder != "":
			p.add(n.line, "phone_numbers: another bundle of the policy has this number")
		case o.kind.bundle == trust.TrustProduct && catalog.Default().NeedsProfile(policy) && !p.isOnProfile(o, n.text):
			p.add(n.line, "phone_numbers: no Customer Profile that is assigned to the product has this number")
		default:
			p.found.numbers[number{n.text, policy}] = o.sid
			p.rows.ChannelEndpoints = append(p.rows.ChannelEndpoints, trust.ChannelEndpoint{
				SID: sidOf(trust.ChannelEndpointPrefix, o.sid, n.text), AccountSID: p.account, BundleSID: o.sid,
				PolicySID: policy, Type: phoneNumber, EndpointSID: n.text, Created: p.config.Now,
			})
		}
	}
}

// isOnProfile reports whether a phone number is on one of the file's profiles, or the Primary, that is assigned to a bundle.
func (p *plan) isOnProfile(o object, sid string) bool {
	has := func(profileSID, policySID string) bool {
		return slices.Contains(p.found.assigned[o.sid], profileSID) && p.found.numbers[number{sid, policySID}] == profileSID
	}
	return has(trust.PrimarySID(p.account), trust.PrimaryPolicySID) ||
		slices.ContainsFunc(p.file.objects, func(profile object) bool {
			return profile.kind.bundle == trust.CustomerProfile && has(profile.sid, profile.form.Get("PolicySid"))
		})
}
