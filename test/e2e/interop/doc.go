// Package interop tests the program, as it is shipped, over a real connection with clients that this project did not write:
// Twilio's official Go SDK, unchanged, and the curl commands of the two reference pages on which the project is based. It
// does so on each database engine.
//
// It shows that code written for the real service works with this server if only the host is changed, and that the server
// starts, prints its URL, and stops on SIGTERM. TestGuides follows Twilio's onboarding guides from the first call to the
// approval, and compares each answer with the published one.
//
// It does not test the server's internals, apart from its signatures, of which it validates more with the SDK than a server
// would send. It sends nothing beyond the loopback interface. The package is a separate module so that importers of the main
// one do not depend on the SDK.
//
// Run it with `go test -race -count=1 ./...`: go test does not notice changes of the main module, and would return a cached
// result.
package interop
