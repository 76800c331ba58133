// Package panics makes of a panic an error that is safe to log.
//
// It guarantees that the error holds the stack, and of the value only the type, unless it is the runtime's own: any other
// could hold a customer's data. It recovers nothing itself: only a deferred function can.
package panics

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Error returns the error for what recover has returned. It is called by the deferred function that recovers, so that the stack
// shows where the panic began.
func Error(recovered any) error {
	if failure, ok := recovered.(runtime.Error); ok {
		return fmt.Errorf("panic: %w\n%s", failure, debug.Stack())
	}
	return fmt.Errorf("panic: %T\n%s", recovered, debug.Stack())
}
