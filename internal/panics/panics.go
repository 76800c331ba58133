// Package panics turns a panic into an error that is safe to log.
//
// It guarantees that the error has the stack, and only the type of the panic's value unless it is a runtime.Error: any other
// value could contain a customer's data. It does not recover: only a deferred function can.
package panics

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Error returns an error for the value that recover returned. It must be called by the deferred function that recovers, so that
// the stack shows where the panic started.
func Error(recovered any) error {
	if failure, ok := recovered.(runtime.Error); ok {
		return fmt.Errorf("panic: %w\n%s", failure, debug.Stack())
	}
	return fmt.Errorf("panic: %T\n%s", recovered, debug.Stack())
}
