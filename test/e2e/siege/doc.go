// Package siege attacks a running server with or without a valid account, and measures how well the server still serves others.
// Each test is one attack, and its comment says what the attack must not cause.
//
// `go test` runs a smaller version of each attack, TRUSTHUB_SIEGE=full (`make siege`) the full one.
package siege
