// Package siege attacks a running server as somebody with a valid account, or with none, and measures what is left for others.
// Each test is one attack and says what must not come of it.
//
// `go test` runs a share of each attack, TRUSTHUB_SIEGE=full (`make siege`) all of it.
package siege
