package hub

import "context"

// ErrTooManyLists is what a list returns when it has waited for too long.
func ErrTooManyLists() error { return tooManyLists(context.Background()) }

// SmallPages sets limits that a test reaches with few rows: of the JSON of a page, of the rows that are read for it, of the
// text that is read at a time, of the rows that are filtered at a time, and of the JSON that is kept.
func (h *Hub) SmallPages(bytes, read, part, step, held int) {
	h.limits = pageLimits{bytes: bytes, read: read, part: part, step: step, held: held}
}
