package api

import (
	"context"
	"net/http"
	"regexp"
)

// traceHeader says of which trace a request is part, as W3C Trace Context defines it.
const traceHeader = "Traceparent"

// traceParent matches version 00 of it. What callers send in another form is not passed on.
var traceParent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

const (
	traceParentLength = 55
	noTrace           = "00000000000000000000000000000000"
	noParent          = "0000000000000000"
)

// readTraceParent returns the traceparent of a request, or an empty string unless the request has exactly one that is valid.
func readTraceParent(header http.Header) string {
	values := header[traceHeader]
	if len(values) != 1 || len(values[0]) != traceParentLength || !traceParent.MatchString(values[0]) ||
		values[0][3:35] == noTrace || values[0][36:52] == noParent {
		return ""
	}
	return values[0]
}

// TraceParent returns the W3C traceparent of the request, or an empty string if it has none that is valid. It is empty outside an
// operation.
func TraceParent(ctx context.Context) string { return fromContext(ctx).traceParent }
