package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/control"
)

// testPage shows and changes the clock and the faults of a server in test mode, and resets it. Only test mode has this page.
func (c *Console) testPage() page {
	return page{
		path: "test", nav: "Clock and faults", template: "test.html", follows: followsControl, show: c.showTest,
		actions: map[string]func(*http.Request) (string, error){
			"advance": c.advance, "freeze": c.freeze, "run": c.runClock, "settle": c.settle,
			"inject": c.inject, "clear": c.clearFaults, "reset": c.reset,
		},
		notes: map[string]string{
			"advanced": "The clock has been moved, and what became due on the way is done.",
			"frozen":   "The clock stands still.",
			"running":  "The clock runs.",
			"settled":  "All that was due is done.",
			"injected": "The next requests that match will fail.",
			"cleared":  "No faults are left.",
			"reset":    "The server has been reset.",
		},
	}
}

type testData struct {
	Now        time.Time
	Running    bool
	Faults     []control.Injected
	More       bool // whether there are more faults than shown
	Left       int  // requests that will fail
	Operations []option
}

func (c *Console) showTest(*http.Request) (view, error) {
	data := testData{Left: c.Control.Faults.Left(), Faults: c.Control.Faults.After(0, rowsPerPage+1)}
	data.Now, data.Running = c.Control.Clock.Read()
	if data.More = len(data.Faults) > rowsPerPage; data.More {
		data.Faults = data.Faults[:rowsPerPage]
	}
	operations, err := control.Operations()
	for _, name := range operations {
		data.Operations = append(data.Operations, option{Value: name, Name: name})
	}
	return view{title: "Clock and faults", data: data}, err
}

// testPatience is how long an action may take, as in the operator API.
const testPatience = 30 * time.Second

// maxAdvance is how far the clock can be moved at a time, as in the operator API.
const maxAdvance = 36500 * 24 * time.Hour

var errSlow = &problem{
	http.StatusServiceUnavailable, "Not done yet",
	"There was more to do than 30 seconds allow, and the server has stopped on the way. Do it again to go on from there.",
}

func (c *Console) advance(r *http.Request) (string, error) {
	units := map[string]time.Duration{"seconds": time.Second, "minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}
	unit, ok := units[r.PostForm.Get("unit")]
	if !ok {
		return "", invalid("The parameter unit is not one of those in the list.")
	}
	amount, err := strconv.ParseInt(strings.TrimSpace(r.PostForm.Get("amount")), 10, 64)
	if err != nil || amount < 0 || amount > int64(maxAdvance/unit) {
		return "", invalid("The parameter amount must be a whole number, and at most 100 years.")
	}
	return c.patiently(r, "advanced", func(ctx context.Context) error {
		err := c.Control.Advance(ctx, time.Duration(amount)*unit)
		if errors.Is(err, control.ErrTooFar) {
			return invalid("The parameter amount is invalid: " + err.Error() + ".")
		}
		return err
	})
}

// patiently returns the location with a note after act, for which there is a bounded time.
func (c *Console) patiently(r *http.Request, note string, act func(context.Context) error) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), testPatience)
	defer cancel()
	err := act(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = errSlow
	}
	return done("test", note), err
}

func (c *Console) freeze(*http.Request) (string, error) {
	c.Control.Clock.Freeze()
	return done("test", "frozen"), nil
}

func (c *Console) runClock(*http.Request) (string, error) {
	c.Control.Clock.Run()
	return done("test", "running"), nil
}

func (c *Console) settle(r *http.Request) (string, error) {
	return c.patiently(r, "settled", c.Control.Settle)
}

func (c *Console) clearFaults(*http.Request) (string, error) {
	c.Control.Faults.Clear()
	return done("test", "cleared"), nil
}

func (c *Console) reset(r *http.Request) (string, error) {
	to := r.PostForm.Get("to")
	switch {
	case to != "seed" && to != "empty":
		return "", invalid("The parameter to must be seed or empty.")
	case r.PostForm.Get("confirm") != "yes":
		return "", invalid("The reset must be confirmed, because it deletes every bundle. Go back and check the box.")
	}
	return c.patiently(r, "reset", func(ctx context.Context) error { return c.Control.Reset(ctx, to == "seed") })
}

func (c *Console) inject(r *http.Request) (string, error) {
	count, match, fault, err := readFault(r.PostForm)
	if err != nil {
		return "", err
	}
	if err := c.Control.Faults.Inject(count, match, fault); err != nil {
		return "", invalid("The fault is invalid: " + err.Error() + ".")
	}
	return done("test", "injected"), nil
}

// maxNumber bounds the numbers of a fault, so that none overflows. The contract has stricter limits for some.
const maxNumber = 100_000_000

// readFault reads the form of a fault. An empty field means that the fault does not have it.
func readFault(form url.Values) (count int, match control.Match, fault control.Fault, err error) {
	number := func(name string) int {
		text := strings.TrimSpace(form.Get(name))
		if text == "" || err != nil {
			return 0
		}
		n, failed := strconv.Atoi(text)
		if failed != nil || n < 0 || n > maxNumber {
			err = invalid("The parameter " + name + " must be a whole number.")
			return 0
		}
		return n
	}
	count = number("count")
	match = control.Match{Operation: form.Get("operation")}
	fault = control.Fault{
		Status: number("status"), Code: number("code"), Message: form.Get("message"),
		RetryAfter: time.Duration(number("retry_after")) * time.Second,
		Delay:      time.Duration(number("delay_ms")) * time.Millisecond,
		Drop:       control.Drop(form.Get("drop")),
	}
	return count, match, fault, err
}
