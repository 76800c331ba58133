// Package client calls the Trust Hub API: Twilio's own, or a stand-in started with `trusthub serve`. Its methods and types are
// generated from openapi.yaml: one method for each operation.
//
//	c, err := client.New(client.WithBaseURL("http://127.0.0.1:8080")) // credentials from TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN
//	product, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
//		FriendlyName: "Acme, Inc.", Email: "compliance@acme.example", PolicySID: "RN7a97559effdf62d00f4298208492a5ea",
//	})
//	product, err = c.UpdateTrustProduct(ctx, product.SID, client.UpdateTrustProductRequest{
//		Status: new(client.BundleStatusPendingReview),
//	})
//
// [Client.Do] and [Client.List] call operations that the contract does not have.
//
// [ParseCallback] verifies and parses the requests that the service sends to a StatusCallback.
//
// # Optional fields
//
// Optional fields are pointers: nil leaves a field unchanged, new("x") sets it, new("") clears it. (Since Go 1.26 the built-in
// new takes an expression.) Required fields are not pointers.
//
// Attributes, which hold a JSON object, are its text: [MustJSON] makes it of a map or a struct. Empty text leaves them alone, and
// "{}" clears them. A response has them as a [json.RawMessage].
//
// # Lists
//
// A method that lists returns immediately. Ranging over its result fetches the pages as the loop needs them, and yields each
// item. An error is yielded once and ends the loop; a page that links back to an earlier one is an error. Ranging over the
// result again starts from the first page. PageSize is the number of items that a request asks for; a page may hold fewer.
//
// # What it guarantees
//
// A Client is safe for concurrent use. A call returns as soon as its context ends, even while it waits to retry. Any response
// other than the one that the contract documents for success is an [*Error], including a proxy's HTML page and an empty object.
// A request that could not be sent, or got no response, is a [*net/url.Error] or wraps the context's error. At most 16 MiB of a
// response are read. Redirects are not followed, so credentials go to the base URL and nowhere else. Errors and log lines
// contain no credentials, bodies or queries. The server's text in an [Error] has at most 500 characters, none of them a
// control character.
//
// # Retries
//
// A call is retried only if the retry cannot make the same change twice:
//
//   - The request has not run: status 429, status 503 with a Retry-After, or no connection was made (refused, timed out, or
//     failed in the TLS handshake) according to [net/http/httptrace]. A transport that does not report to httptrace gives no
//     such proof.
//   - The request may run twice, because it only reads (GET) or because it has an Idempotency-Key. Such a request is also
//     retried after status 500, 502, 503 and 504, and after losing the connection before the response was complete.
//
// Permanent failures are not retried: an unknown host, an invalid certificate, a response that is too long. If the contract
// declares the header Idempotency-Key, as for [Client.CreateTrustProduct], every attempt of a call sends the same key: a new one
// ([NewIdempotencyKey]), or the caller's own ([WithIdempotencyKey]). No key is sent to hosts at twilio.com: the real service is
// not known to honour it (docs/fidelity.md), so retrying with one would not be safe, and net/http retries requests with a key by
// itself.
//
// Before attempt n+1 the client waits for a random time between 0 and BaseWait·2^(n-1), at most MaxWait ([RetryPolicy]). A
// Retry-After, in seconds or as a date, is added to it; the sum is at most MaxWait. If Retry-After alone is longer than
// MaxWait, or the context would end during the wait, the call returns the last failure immediately, with the server's wait in
// [Error].RetryAfter.
//
// # What it does not do
//
// The client sets no timeout: use the context or the [net/http.Client]. It does not limit its request rate, does not cache,
// and does not validate requests against the contract: the server does.
package client
