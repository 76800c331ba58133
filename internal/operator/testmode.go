package operator

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/opentrusthub/trusthub/api"
	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/control"
)

// FetchClock returns the clock.
func (o *Operator) FetchClock(context.Context, server.FetchClockRequestObject) (server.FetchClockResponseObject, error) {
	return server.FetchClock200JSONResponse{ClockJSONResponse: presentClock(o.control.Clock)}, nil
}

// AdvanceClock moves the clock ahead.
func (o *Operator) AdvanceClock(
	ctx context.Context, r server.AdvanceClockRequestObject,
) (server.AdvanceClockResponseObject, error) {
	err := o.control.Advance(ctx, time.Duration(r.Body.Seconds)*time.Second)
	if errors.Is(err, control.ErrTooFar) {
		return nil, api.NewError(api.CodeInvalidParameter, "Invalid parameter seconds: "+err.Error(), err)
	}
	if err != nil {
		return nil, err
	}
	return server.AdvanceClock200JSONResponse{ClockJSONResponse: presentClock(o.control.Clock)}, nil
}

// FreezeClock stops the clock.
func (o *Operator) FreezeClock(context.Context, server.FreezeClockRequestObject) (server.FreezeClockResponseObject, error) {
	o.control.Clock.Freeze()
	return server.FreezeClock200JSONResponse{ClockJSONResponse: presentClock(o.control.Clock)}, nil
}

// RunClock lets the clock run.
func (o *Operator) RunClock(context.Context, server.RunClockRequestObject) (server.RunClockResponseObject, error) {
	o.control.Clock.Run()
	return server.RunClock200JSONResponse{ClockJSONResponse: presentClock(o.control.Clock)}, nil
}

func presentClock(c *control.Clock) server.ClockJSONResponse {
	now, running := c.Read()
	state := gen.ClockStateFrozen
	if running {
		state = gen.ClockStateRunning
	}
	return server.ClockJSONResponse{Time: wholeSeconds(now), State: state}
}

// CreateFault makes the next requests fail.
func (o *Operator) CreateFault(
	_ context.Context, r server.CreateFaultRequestObject,
) (server.CreateFaultResponseObject, error) {
	b, count := r.Body, 1
	if b.Count != nil {
		count = *b.Count
	}
	err := o.control.Faults.Inject(count, control.Match{
		Operation: valueOf(b.Operation), Method: string(valueOf(b.Method)), Path: valueOf(b.Path),
	}, control.Fault{
		Delay: durationOf(b.DelayMs, time.Millisecond), Drop: control.Drop(valueOf(b.Drop)),
		Status: valueOf(b.Status), Code: valueOf(b.Code), Message: valueOf(b.Message),
		RetryAfter: durationOf(b.RetryAfter, time.Second),
	})
	if err != nil {
		return nil, api.NewError(api.CodeInvalidParameter, "Invalid fault: "+err.Error(), err)
	}
	return server.CreateFault204Response{}, nil
}

// ListFault returns a page of the faults that are left.
func (o *Operator) ListFault(ctx context.Context, r server.ListFaultRequestObject) (server.ListFaultResponseObject, error) {
	p, err := newPage(gen.NewListFaultRequest(api.BaseURL(ctx), &r.Params))
	if err != nil {
		return nil, err
	}
	after, err := p.sequence()
	if err != nil {
		return nil, err
	}
	faults, meta := present(p, "faults", o.control.Faults.After(int(after), p.size+1), presentFault,
		func(f control.Injected) string { return strconv.Itoa(f.Number) })
	return server.ListFault200JSONResponse{Faults: faults, Meta: meta}, nil
}

func presentFault(f control.Injected) gen.Fault {
	return gen.Fault{
		Left: f.Left, Method: unlessZero(gen.FaultMethod(f.Match.Method)), Path: unlessZero(f.Match.Path),
		Status: unlessZero(f.Fault.Status), Code: unlessZero(f.Fault.Code), Message: unlessZero(f.Fault.Message),
		RetryAfter: unlessZero(int64(f.Fault.RetryAfter / time.Second)), DelayMs: unlessZero(f.Fault.Delay.Milliseconds()),
		Drop: unlessZero(gen.FaultDrop(f.Fault.Drop)),
	}
}

// DeleteFaults removes the faults that are left.
func (o *Operator) DeleteFaults(
	context.Context, server.DeleteFaultsRequestObject,
) (server.DeleteFaultsResponseObject, error) {
	o.control.Faults.Clear()
	return server.DeleteFaults204Response{}, nil
}

// Settle waits until all that is due is done.
func (o *Operator) Settle(ctx context.Context, _ server.SettleRequestObject) (server.SettleResponseObject, error) {
	if err := o.control.Settle(ctx); err != nil {
		return nil, err
	}
	return server.Settle204Response{}, nil
}

// Reset starts again with nothing or with the seed.
func (o *Operator) Reset(ctx context.Context, r server.ResetRequestObject) (server.ResetResponseObject, error) {
	if err := o.control.Reset(ctx, r.Body.To == gen.ResetRequestToSeed); err != nil {
		return nil, err
	}
	return server.Reset204Response{}, nil
}

// durationOf returns a duration in units of an optional parameter, 0 without one.
func durationOf(p *int64, unit time.Duration) time.Duration {
	return time.Duration(valueOf(p)) * unit
}

// unlessZero returns a value for a property that is absent if it is zero.
func unlessZero[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}
