// Package client calls the Trust Products API: Twilio's own, or a stand-in started with `trusthub serve`.
//
//	c, err := client.New(client.WithBaseURL("http://127.0.0.1:8080")) // credentials from TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN
//	product, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
//		FriendlyName: "Acme, Inc.", Email: "compliance@acme.example", PolicySID: "RN7a97559effdf62d00f4298208492a5ea",
//	})
//	product, err = c.UpdateTrustProduct(ctx, product.SID, client.UpdateTrustProductRequest{
//		Status: new(client.StatusPendingReview),
//	})
//
// [ParseCallback] is the other direction: it checks and reads what the service sends to a StatusCallback.
//
// # Optional fields
//
// They are pointers: nil leaves a field alone, new("x") sets it, new("") clears it. Since Go 1.26 the built-in new takes an
// expression, so that no helper is needed. Nothing that is required is a pointer.
//
// # What it guarantees
//
// A Client is safe for concurrent use. A call ends as soon as its context does, also while it waits to repeat. An answer that
// is not the one the contract names is an [*Error], an HTML page of a proxy and an empty object included; what could not be
// sent or received at all is a [*net/url.Error] or wraps the context's error. What is read is bounded by 16 MiB. Redirects are
// not followed, so that credentials go to the base URL and nowhere else. No error and no log line carries a credential, a body
// or a query. What a server says in an [Error] is cut at 500 characters and has no control characters.
//
// # Retries
//
// A call is repeated only where that cannot do twice what was asked once:
//
//   - The request has not run: status 429, status 503 with a Retry-After, or no connection was made (refused, timed out, broken
//     off in the TLS handshake), as [net/http/httptrace] tells. A transport that does not report to httptrace proves nothing.
//   - It may run twice, because it only reads (GET) or because it carries an Idempotency-Key: then also status 500, 502, 503
//     and 504, and a connection that was lost before the whole answer was there.
//
// A host name that does not exist, a certificate that is not valid and an answer that is too long stay so: they are not tried
// again. A create carries a random key of at least 128 bits, the same one each time, or the caller's own
// ([WithIdempotencyKey]). To hosts at twilio.com no key is sent: the real service is not known to honour it (docs/fidelity.md),
// so that a key would prove nothing there, and net/http would repeat on its own what carries one. An update or a delete never
// carries one.
//
// Before attempt n+1 the client waits a random time between nothing and BaseWait·2^(n-1), at most MaxWait ([RetryPolicy]). A
// Retry-After, in seconds or as a date, comes first and the random time is added to it, together at most MaxWait. Where
// Retry-After alone is longer than MaxWait, or the context would end before the wait does, the call fails at once with the
// last failure, and [Error].RetryAfter tells what was asked for.
//
// # What it does not do
//
// It sets no time limit of its own: the context does, or the [net/http.Client]. It does not limit its own rate, does not
// cache, and does not check what it sends against the contract: the server does. It knows this one resource of Trust Hub.
package client
