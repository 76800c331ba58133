package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/opentrusthub/trusthub/internal/eventstream"
)

const (
	eventsPath = Path + "events"
	streamLife = 5 * time.Minute // then the browser connects again, and its session is checked
)

// streamMarks tells a page the mark of what it shows, at once and whenever it changes. The page then fetches itself again if it
// has another mark.
func (c *Console) streamMarks(w http.ResponseWriter, r *http.Request) {
	stream, err := c.streams.Open()
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	of, last := follows(r.URL.Query().Get("of")), ""
	err = stream.Serve(ctx, w, func(ctx context.Context) ([]eventstream.Message, error) {
		mark, err := c.nextMark(ctx, of, last)
		if err != nil {
			return nil, err
		}
		last = mark
		return []eventstream.Message{{Data: mark}}, nil
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		c.Logger.Info("a stream of the console ended", "cause", err.Error())
	}
}

// nextMark waits until the mark is not the last one.
func (c *Console) nextMark(ctx context.Context, of follows, last string) (string, error) {
	ticker := time.NewTicker(markLife)
	defer ticker.Stop()
	for {
		if mark, err := c.marks.of(ctx, of); err != nil || mark != last {
			return mark, err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-ticker.C:
		}
	}
}
