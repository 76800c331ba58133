// Package interop holds tests only: strangers use the program, as it is built and shipped, over a real connection. The
// strangers are Twilio's official Go SDK, unchanged, and the curl commands of the two reference pages that this project
// was made from. They do so on each database engine.
//
// It guarantees that code written for the real service needs nothing but another host to work with this server, and that
// the server starts, says where it listens, and stops on SIGTERM as it promises.
//
// It does not look into the server (the other packages' tests do), apart from its signatures, of which it has the SDK judge
// more than a server would send; and it sends nothing beyond the loopback interface. It is a module of its own, so that the
// SDK does not become a dependency of whoever imports the main one.
//
// Run it with `go test -race -count=1 ./...`: go test does not see that the main module has changed, and would repeat an old
// result from its cache.
package interop
