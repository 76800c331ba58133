// Package client calls the Trust Hub API: Twilio's own, or a stand-in started with `trusthub serve`. Its methods and types are
// generated from openapi.yaml, one method for each operation.
//
//	c, err := client.New(client.WithBaseURL("http://127.0.0.1:8080")) // credentials from TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN
//	product, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
//		FriendlyName: "Acme, Inc.", Email: "compliance@acme.example", PolicySID: "RN7a97559effdf62d00f4298208492a5ea",
//	})
//	product, err = c.UpdateTrustProduct(ctx, product.SID, client.UpdateTrustProductRequest{
//		Status: new(client.TrustProductStatusPendingReview),
//	})
//
// [Client.Do] and [Client.List] call operations that the contract does not have.
//
// [ParseCallback] is the other direction: it checks and reads what the service sends to a StatusCallback.
//
// # Optional fields
//
// They are pointers: nil leaves a field alone, new("x") sets it, new("") clears it. Since Go 1.26 the built-in new takes an
// expression, so that no helper is needed. Nothing that is required is a pointer.
//
// Attributes, which hold a JSON object, are its text: [MustJSON] makes it of a map or a struct. Empty text leaves them alone, and
// "{}" clears them. A response has them as a [json.RawMessage].
//
// # Lists
//
// A method that lists returns at once. Ranging over its result fetches page after page as the loop goes on, and yields each
// item. An error is yielded once and ends the loop; a page that leads back to an earlier one is an error. The result can be
// ranged over again, which begins anew. PageSize is how many items one request asks for; an answer may hold fewer.
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
// again. Where the contract declares the header Idempotency-Key, as for [Client.CreateTrustProduct], a call carries a random key
// of at least 128 bits, the same one each time, or the caller's own ([WithIdempotencyKey]). To hosts at twilio.com no key is
// sent: the real service is not known to honour it (docs/fidelity.md), so that a key would prove nothing there, and net/http
// would repeat on its own what carries one.
//
// Before attempt n+1 the client waits a random time between nothing and BaseWait·2^(n-1), at most MaxWait ([RetryPolicy]). A
// Retry-After, in seconds or as a date, comes first and the random time is added to it, together at most MaxWait. Where
// Retry-After alone is longer than MaxWait, or the context would end before the wait does, the call fails at once with the
// last failure, and [Error].RetryAfter tells what was asked for.
//
// # What it does not do
//
// It sets no time limit of its own: the context does, or the [net/http.Client]. It does not limit its own rate, does not
// cache, and does not check what it sends against the contract: the server does.
package client
