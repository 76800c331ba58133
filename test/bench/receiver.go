package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

const receptionParts = 12 // the slowest shows whether the speed is sustained

// receiver is the customer's receiver of callbacks.
type receiver struct {
	process
	refuses atomic.Bool // for good, with 410
	arrived atomic.Int64

	mu       sync.Mutex
	expected *arrivals
}

// arrivals is a number of callbacks that are expected.
type arrivals struct {
	count int
	done  chan struct{} // closed when all have arrived

	arrived int
	marks   []time.Time // when each part had arrived
}

func receive(ctx context.Context) (*receiver, error) {
	r := &receiver{}
	return r, r.listen(ctx, r)
}

func (r *receiver) url() string { return "http://" + r.address + "/status" }

// expect begins to count.
func (r *receiver) expect(count int) *arrivals {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected = &arrivals{count: count, done: make(chan struct{})}
	return r.expected
}

// ServeHTTP receives a callback.
func (r *receiver) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if r.refuses.Load() {
		w.WriteHeader(http.StatusGone)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	r.arrived.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.expected != nil {
		r.expected.add()
	}
}

func (a *arrivals) add() {
	a.arrived++
	if a.arrived*receptionParts/a.count > len(a.marks) {
		a.marks = append(a.marks, time.Now())
	}
	if a.arrived == a.count {
		close(a.done)
	}
}

// speed returns the callbacks per second, overall and in the slowest part. All must have arrived.
func (a *arrivals) speed(start time.Time) (whole, slowest float64) {
	whole = float64(a.count) / a.marks[len(a.marks)-1].Sub(start).Seconds()
	slowest = whole
	for _, mark := range a.marks {
		slowest = min(slowest, float64(a.count)/receptionParts/mark.Sub(start).Seconds())
		start = mark
	}
	return whole, slowest
}

// mailbox is the customer's mail server, which takes everything.
type mailbox struct {
	process
	arrived atomic.Int64
}

func receiveMail(ctx context.Context) (*mailbox, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &mailbox{process: process{address: listener.Addr().String()}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{m}, nil }))
	server.Domain = "acme.example"
	server.ErrorLog = log.New(io.Discard, "", 0)
	m.start(ctx, func(ctx context.Context) {
		defer context.AfterFunc(ctx, func() { _ = server.Close() })()
		if err := server.Serve(listener); !errors.Is(err, smtp.ErrServerClosed) {
			_ = listener.Close() // e-mails stay open, which the figure shows
		}
	})
	return m, nil
}

type mailSession struct{ *mailbox }

// The parts of SMTP that need nothing done.
func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }
func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data receives an e-mail.
func (s mailSession) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	s.arrived.Add(1)
	return nil
}
