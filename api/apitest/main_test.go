package apitest_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a goroutine is left once all servers are closed. The one that watches over the tests' Postgres stays
// as long as the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/opentrusthub/trusthub/test/kit/pgtest.startSupervisor.func1"))
}
