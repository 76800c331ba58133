package connections

import (
	"io"
	"net/http"
	"time"
)

// arrivalTime is how long a server that shuts down waits for what callers are still sending.
const arrivalTime = 4 * time.Second

// past is a deadline that has passed, whatever the clock says.
var past = time.Unix(1, 0)

// stopWaiting ends the wait of a server that shuts down: it closes connections without a request, and makes reading a body that
// has not arrived fail, so that the request gets a response. Requests that have arrived are left alone.
func (l *Limiter) stopWaiting() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for place := l.waiting[silent].Front(); place != nil; place = l.waiting[silent].Front() {
		c := place.Value.(*conn)
		l.remove(c)
		_ = c.Conn.Close() // its error does not matter
	}
	for body := range l.arriving {
		_ = body.control.SetReadDeadline(past) // fails for a connection that is closed
	}
}

// watchBodies records which requests have a body that has not arrived.
func (l *Limiter) watchBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			body := &watchedBody{r.Body, l, http.NewResponseController(w)}
			l.arrives(body)
			defer l.arrived(body)          // before w becomes invalid
			r = r.WithContext(r.Context()) // a copy: net/http looks at the body of its own
			r.Body = body
		}
		next.ServeHTTP(w, r)
	})
}

func (l *Limiter) arrives(b *watchedBody) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arriving[b] = struct{}{}
}

func (l *Limiter) arrived(b *watchedBody) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.arriving, b)
}

// watchedBody is the body of a request.
type watchedBody struct {
	io.ReadCloser
	limiter *Limiter
	control *http.ResponseController
}

// Read tells the limiter when the body has been read.
func (b *watchedBody) Read(p []byte) (n int, err error) {
	if n, err = b.ReadCloser.Read(p); err != nil {
		b.limiter.arrived(b)
	}
	return n, err
}
