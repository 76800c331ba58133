// Package siege attacks a running server as one would who has a valid account, or none, and measures what is left for others. Each
// test is one attack and says what it must not do.
//
// `go test` runs a share of each attack, TRUSTHUB_SIEGE=full (`make siege`) all of it.
package siege
