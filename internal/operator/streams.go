package operator

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/opentrusthub/trusthub/api"
	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/eventstream"
	"github.com/opentrusthub/trusthub/internal/feed"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// missedType is the type of messages that say what a stream does not have.
const missedType = "missed"

// StreamEvent follows the changes of bundles.
func (o *Operator) StreamEvent(ctx context.Context, r server.StreamEventRequestObject) (server.StreamEventResponseObject, error) {
	follower, err := o.changes.Follow(ctx, resumeAfter(r.Params.LastEventID, r.Params.After))
	if err != nil {
		return nil, err
	}
	bundle, account := valueOf(r.Params.BundleSID), valueOf(r.Params.AccountSID)
	stream, err := o.openStream(follower.Close, func(ctx context.Context) ([]eventstream.Message, error) {
		part, err := follower.Next(ctx)
		if err != nil {
			return nil, err
		}
		return eventMessages(part, func(e trust.Event) bool {
			return (bundle == "" || bundle == e.BundleSID) && (account == "" || account == e.AccountSID)
		}), nil
	})
	if err != nil {
		return nil, err
	}
	return server.StreamEventResponseFunc(func(w http.ResponseWriter) error { return stream(ctx, w) }), nil
}

// eventMessages returns a part of the changes as messages. The last one has the position of the part, so that a reader does not
// resume far behind it because few events match.
func eventMessages(part feed.Part, matches func(trust.Event) bool) []eventstream.Message {
	var messages []eventstream.Message
	last := part.Position - int64(len(part.Events))
	if part.Missed != 0 {
		messages = append(messages, eventstream.Message{ID: streamID(last), Type: missedType, Data: missed(part.Missed)})
	}
	for _, e := range part.Events {
		if matches(e) {
			last = e.Position
			messages = append(messages, eventstream.Message{ID: streamID(last), Data: presentEvent(e)})
		}
	}
	if last != part.Position {
		messages = append(messages, eventstream.Message{ID: streamID(part.Position)})
	}
	return messages
}

// StreamRequest follows the requests of customers.
func (o *Operator) StreamRequest(
	ctx context.Context, r server.StreamRequestRequestObject,
) (server.StreamRequestResponseObject, error) {
	if o.requests.Log == nil {
		return nil, errNoRequestLog
	}
	follower, err := o.requests.Log.Follow(requestlog.Filter{
		AccountSID: valueOf(r.Params.AccountSID), BundleSID: valueOf(r.Params.BundleSID), Operation: valueOf(r.Params.Operation),
		Status: valueOf(r.Params.Status), StatusClass: valueOf(r.Params.StatusClass), Code: valueOf(r.Params.Code),
	}, resumeAfter(r.Params.LastEventID, r.Params.After))
	if errors.Is(err, requestlog.ErrTooManyFollowers) {
		return nil, tooManyStreams(err)
	}
	if err != nil {
		return nil, err
	}
	gap := follower.HasGap()
	stream, err := o.openStream(follower.Close, func(ctx context.Context) ([]eventstream.Message, error) {
		if gap {
			gap = false
			return []eventstream.Message{{Type: missedType, Data: missed(feed.Unknown)}}, nil
		}
		entry, dropped, err := follower.Next(ctx)
		if err != nil {
			return nil, err
		}
		var messages []eventstream.Message
		if dropped != 0 {
			messages = append(messages, eventstream.Message{Type: missedType, Data: missed(int64(dropped))})
		}
		return append(messages, eventstream.Message{ID: streamID(entry.Sequence), Data: presentRequest(entry)}), nil
	})
	if err != nil {
		return nil, err
	}
	return server.StreamRequestResponseFunc(func(w http.ResponseWriter) error { return stream(ctx, w) }), nil
}

// openStream returns a function that writes a stream of the messages of next. It closes the follower that they come from at the
// end of the stream, or now if there are too many streams.
func (o *Operator) openStream(
	closeFollower func(), next func(context.Context) ([]eventstream.Message, error),
) (func(context.Context, http.ResponseWriter) error, error) {
	stream, err := o.streams.Open()
	if err != nil {
		closeFollower()
		if errors.Is(err, eventstream.ErrTooMany) {
			return nil, tooManyStreams(err)
		}
		return nil, api.NewError(api.CodeUnavailable, "", err)
	}
	return func(ctx context.Context, w http.ResponseWriter) error {
		defer closeFollower()
		return stream.Serve(ctx, w, next)
	}, nil
}

func tooManyStreams(cause error) error {
	err := api.NewError(api.CodeTooManyRequests, "Too many open streams", cause)
	err.RetryAfter = 5 * time.Second
	return err
}

// resumeAfter returns the position that a reader has got to, feed.FromNow if it begins. The header comes from an EventSource that
// resumes, whose URL still has the parameter that it began with.
func resumeAfter(header, query *int64) int64 {
	for _, position := range []*int64{header, query} {
		if position != nil {
			return *position
		}
	}
	return feed.FromNow
}

func streamID(position int64) string { return strconv.FormatInt(position, 10) }

func missed(count int64) gen.Missed {
	if count == feed.Unknown {
		return gen.Missed{}
	}
	return gen.Missed{Missed: &count}
}
