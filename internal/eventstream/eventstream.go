// Package eventstream serves responses of the type text/event-stream, as the HTML standard defines it for EventSource.
//
// # What it guarantees
//
//   - The number of streams is bounded, and Close ends all of them at once, so that they do not hold up a server that stops.
//   - A stream has no deadline but one for each write: a reader that stops reading is disconnected.
//   - A stream without messages has a comment from time to time, so that both sides notice when the other one is gone.
//
// # What it does not do
//
// It does not know where messages come from, and keeps none: each stream asks for its own when its reader has got those before.
package eventstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// The errors of Open.
var (
	ErrTooMany = errors.New("too many streams are open already")
	ErrClosed  = errors.New("the server is stopping")
)

// Config has the limits.
type Config struct {
	Max          int           // streams at a time
	Heartbeat    time.Duration // after which a stream without messages gets a comment
	WriteTimeout time.Duration // for each write
	StopTimeout  time.Duration // for the write that is in progress when Close is called
}

// DefaultConfig returns the limits of a server.
func DefaultConfig() Config {
	return Config{Max: 128, Heartbeat: 15 * time.Second, WriteTimeout: 10 * time.Second, StopTimeout: time.Second}
}

// Message is a message of a stream. Without Data, a reader only remembers the ID.
type Message struct {
	ID   string // what the reader sends as Last-Event-ID to resume after this message; empty means that of the message before
	Type string // empty means the usual one
	Data any    // is sent as JSON, unless it is nil
}

// Streams are the streams of one server. It is safe for concurrent use.
type Streams struct {
	config Config

	mu     sync.Mutex
	closed bool
	open   map[*Stream]struct{}
}

// New returns the streams of a server, with no stream open.
func New(config Config) *Streams {
	return &Streams{config: config, open: map[*Stream]struct{}{}}
}

// Stream is one of the streams that are open.
type Stream struct {
	all *Streams

	// Guarded by all.mu, and nil before Serve.
	cancel     context.CancelFunc
	controller *http.ResponseController
}

// Open returns a stream, to be served or closed, or ErrTooMany or ErrClosed.
func (s *Streams) Open() (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case len(s.open) >= s.config.Max:
		return nil, ErrTooMany
	}
	t := &Stream{all: s}
	s.open[t] = struct{}{}
	return t, nil
}

// Close ends all streams, and has Open refuse new ones. It does not wait for their end.
func (s *Streams) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for t := range s.open {
		if t.cancel != nil {
			t.cancel()
			_ = setWriteDeadline(t.controller, s.config.StopTimeout) // fails only if the reader is gone
		}
	}
}

// Close gives up the stream's place. It may be called twice.
func (t *Stream) Close() {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	delete(t.all.open, t)
}

// begin returns a context that ends with the stream.
func (t *Stream) begin(ctx context.Context, controller *http.ResponseController) (context.Context, context.CancelFunc) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	ctx, t.cancel = context.WithCancel(ctx)
	if t.controller = controller; t.all.closed {
		t.cancel()
	}
	return ctx, t.cancel
}

// Serve writes the response: the messages that next returns, one call after the other, until the reader or the server ends the
// stream, and then closes the stream. next waits until there are some or its context ends, which it does from time to time
// without the end of the stream. Serve returns the errors of next and of writing.
func (t *Stream) Serve(ctx context.Context, w http.ResponseWriter, next func(context.Context) ([]Message, error)) error {
	defer t.Close()
	controller := http.NewResponseController(w)
	ctx, cancel := t.begin(ctx, controller)
	defer cancel()
	// The server writes the end of the response when this function has returned.
	defer func() { _ = setWriteDeadline(controller, t.all.config.StopTimeout) }()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx
	w.WriteHeader(http.StatusOK)
	for text := []byte(nil); ; {
		if err := t.write(ctx, w, controller, text); err != nil || ctx.Err() != nil {
			return unlessEnded(ctx, err)
		}
		messages, err := t.wait(ctx, next)
		if err != nil {
			return unlessEnded(ctx, err)
		}
		if text, err = encode(messages); err != nil {
			return err
		}
	}
}

// wait returns the next messages, or none when it is time for a heartbeat.
func (t *Stream) wait(ctx context.Context, next func(context.Context) ([]Message, error)) ([]Message, error) {
	waiting, cancel := context.WithTimeout(ctx, t.all.config.Heartbeat)
	defer cancel()
	messages, err := next(waiting)
	if err != nil && ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded) {
		return nil, nil
	}
	return messages, err
}

// write writes a part of a stream, unless that has ended.
func (t *Stream) write(ctx context.Context, w http.ResponseWriter, controller *http.ResponseController, text []byte) error {
	if err := setWriteDeadline(controller, t.all.config.WriteTimeout); err != nil {
		return err
	}
	if ctx.Err() != nil { // Close may have set a shorter deadline before
		return nil //nolint:nilerr // the end of a stream is no error
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("the reader does not read: %w", err)
	}
	if err := supported(controller.Flush()); err != nil {
		return fmt.Errorf("the reader does not read: %w", err)
	}
	return nil
}

// encode returns messages as they are sent, and a comment if there are none.
func encode(messages []Message) ([]byte, error) {
	if len(messages) == 0 {
		return []byte(": alive\n\n"), nil
	}
	var b bytes.Buffer
	for _, m := range messages {
		if m.ID != "" {
			b.WriteString("id: " + m.ID + "\n")
		}
		if m.Type != "" {
			b.WriteString("event: " + m.Type + "\n")
		}
		if m.Data != nil {
			data, err := json.Marshal(m.Data) // which is one line
			if err != nil {
				return nil, fmt.Errorf("encode a message: %w", err)
			}
			b.WriteString("data: ")
			b.Write(data)
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// unlessEnded returns nil if the stream has ended: its errors are those of the end.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end of a stream is no error
	}
	return err
}

// setWriteDeadline sets the deadline of writing to some time from now.
func setWriteDeadline(controller *http.ResponseController, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout) // which knows what time it is
	defer cancel()
	deadline, _ := ctx.Deadline()
	return supported(controller.SetWriteDeadline(deadline))
}

// supported returns nil for what a writer without a connection does not support.
func supported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
