package operator

import (
	"context"
	"strconv"

	"github.com/opentrusthub/trusthub/api"
	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/requestlog"
)

// Requests are what customers requested of this server.
type Requests struct {
	Server string          // the name of the server, because others have logs of their own
	Log    *requestlog.Log // nil if the server keeps none
}

var errNoRequestLog = api.NewError(api.CodeUnimplemented, "This server keeps no requests: its --request-log is 0", nil)

// ListRequest returns a page of requests.
func (o *Operator) ListRequest(
	ctx context.Context, r server.ListRequestRequestObject,
) (server.ListRequestResponseObject, error) {
	if o.requests.Log == nil {
		return nil, errNoRequestLog
	}
	p, err := newPage(gen.NewListRequestRequest(api.BaseURL(ctx), &r.Params))
	if err != nil {
		return nil, err
	}
	before, err := p.sequence()
	if err != nil {
		return nil, err
	}
	all := o.requests.Log.List(requestlog.Filter{
		AccountSID: valueOf(r.Params.AccountSID), BundleSID: valueOf(r.Params.BundleSID), Operation: valueOf(r.Params.Operation),
		Status: valueOf(r.Params.Status), StatusClass: valueOf(r.Params.StatusClass), Code: valueOf(r.Params.Code),
	}, before, p.size+1)
	requests, meta := present(p, "requests", all, presentRequest, func(e *requestlog.Entry) string {
		return strconv.FormatInt(e.Sequence, 10)
	})
	return server.ListRequest200JSONResponse{RequestPageJSONResponse: server.RequestPageJSONResponse{
		Server: o.requests.Server, Requests: requests, Meta: meta,
	}}, nil
}

func presentRequest(e *requestlog.Entry) gen.Request {
	shown := gen.Request{
		RequestID: e.RequestID, DateEnded: wholeSeconds(e.Time), DurationMs: float64(e.Duration.Microseconds()) / 1000,
		AccountSID: orNull(e.AccountSID), ClaimedAccountSID: orNull(e.ClaimedAccountSID),
		ClaimedAPIKeySID: orNull(e.ClaimedAPIKeySID), Operation: orNull(e.Operation),
		Method: e.Method, Path: e.Path, Parameters: make([]gen.RequestParameter, len(e.Parameters)),
		Status: e.Status, Code: orNull(e.Code), Message: orNull(e.Message),
	}
	for i, parameter := range e.Parameters {
		shown.Parameters[i] = gen.RequestParameter{Name: parameter.Name, Value: parameter.Value}
	}
	return shown
}
