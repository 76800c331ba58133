package connections

import (
	"io"
	"net/http"
	"time"
)

// arrivalTime is how long a server that shuts down waits for what callers are still sending.
const arrivalTime = 4 * time.Second

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
	for c := range l.arriving {
		_ = c.SetReadDeadline(l.config.Now()) // fails for a connection that is closed
	}
}

// watchBodies records which connections have a request whose body has not arrived.
func (l *Limiter) watchBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if own, ok := r.Context().Value(contextKey{}).(*conn); ok && r.Body != http.NoBody {
			l.arrives(own)
			defer l.arrived(own)
			r = r.WithContext(r.Context()) // a copy: net/http looks at the body of its own
			r.Body = &watchedBody{r.Body, own}
		}
		next.ServeHTTP(w, r)
	})
}

func (l *Limiter) arrives(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arriving[c] = struct{}{}
}

func (l *Limiter) arrived(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.arriving, c)
}

// watchedBody is the body of a request.
type watchedBody struct {
	io.ReadCloser
	conn *conn
}

// Read tells the limiter when the body has been read.
func (b *watchedBody) Read(p []byte) (n int, err error) {
	if n, err = b.ReadCloser.Read(p); err != nil {
		b.conn.limiter.arrived(b.conn)
	}
	return n, err
}
