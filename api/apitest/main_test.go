package apitest_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a goroutine is left once all servers are closed.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
