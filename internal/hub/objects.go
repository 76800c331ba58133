package hub

import (
	"context"
	"encoding/json"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// object is what can be assigned to bundles and has nothing but a name, a type and attributes.
type object interface {
	trust.EndUser | trust.SupportingDocument
}

// ofAccount is the scope of what belongs to the caller's account and nothing else.
func ofAccount(ctx context.Context) store.Scope { return store.Scope{api.AccountSID(ctx)} }

// newObject returns a new object. Its attributes are the text of a JSON object, or empty for an object without members.
func newObject[Row object](ctx context.Context, prefix, name, kind, attributes string, now time.Time) Row {
	if attributes == "" {
		attributes = "{}"
	}
	return Row(trust.EndUser{
		SID: trust.NewSID(prefix, now), AccountSID: api.AccountSID(ctx), FriendlyName: name, Type: kind,
		Attributes: json.RawMessage(attributes), Created: now, Updated: now,
	})
}

// updateObject changes the name and the attributes of an object, as far as they are given. kind is the change that this is.
func updateObject[Row object](
	ctx context.Context, r *store.Resource[Row], kind trust.ObjectChange, sid string,
	friendlyName *string, attributes string, now time.Time,
) (Row, error) {
	by := requestedBy(ctx, now)
	return r.UpdateObject(ctx, ofAccount(ctx), sid, by, func(row *Row, assignedTo []trust.Status) (bool, error) {
		changed := trust.EndUser(*row)
		if friendlyName != nil {
			changed.FriendlyName = *friendlyName
		}
		if attributes != "" {
			changed.Attributes = json.RawMessage(attributes)
		}
		before := trust.EndUser(*row)
		if changed.FriendlyName == before.FriendlyName && string(changed.Attributes) == string(before.Attributes) {
			return false, nil
		}
		changed.Updated = now
		*row = Row(changed)
		return true, kind.Allowed(assignedTo)
	})
}

// deleteObject removes an object and its assignments.
func deleteObject[Row object](ctx context.Context, c collection[Row], kind trust.ObjectChange, sid string) error {
	err := c.DeleteObject(ctx, ofAccount(ctx), sid, requestedBy(ctx, c.now()), func(_ Row, assignedTo []trust.Status) error {
		return kind.Allowed(assignedTo)
	})
	if err == nil {
		c.quota.release(api.AccountSID(ctx))
	}
	return err
}
