package hub

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/store"
)

// pageLimits bounds the cost of a page. While a slow client reads it, a page takes the memory of one part, whose last row may
// exceed the limit, and of one row as JSON.
type pageLimits struct {
	bytes int // of a page's rows as JSON; a single row may be larger
	read  int // rows that are read for a page, matching or not
	part  int // bytes that are read at a time
	step  int // rows that are filtered at a time
	held  int // bytes of JSON that are kept in memory
}

func usualLimits() pageLimits {
	return pageLimits{bytes: 4 << 20, read: 10_000, part: 64 << 10, step: 1000, held: 256 << 10}
}

const firstRows = 100 // that are read at first; then as many as fit into a part

// page is a page of a list: up to links.size rows, within the limits.
//
// It is read and written a part at a time, and holds no database connection while it is written. A page that ends early is valid,
// because meta comes last: its next link continues after the last row.
type page[Row, Shown any] struct {
	source[Row]
	links

	array   string                           // the property that holds the rows
	present func(context.Context, Row) Shown // returns what is written for a row
	ctx     context.Context                  //nolint:containedctx // the generated interface passes none for writing
	limits  pageLimits
	release func() // the slot
	from    position
	first   store.Part[Row]

	// For a page that is read backward, from its last row to its first, before it is written:
	keys map[string]bool
	held [][]byte // its rows in that order; nil if they exceed limits.held and are read again

	near    string // the key of the first row, as read; without rows, the same as reached
	reached string // the key of the row that was read last
	beyond  string // the key of the row after that; empty if the list ends there
}

// openPage reads the beginning of a page, so that an error there gets its own status. The caller must call write, which writes
// the page.
func openPage[Row, Shown any](
	ctx context.Context, h *Hub, r pageRequest, array string, rows source[Row], present func(context.Context, Row) Shown,
) (write func(http.ResponseWriter) error, err error) {
	if r.err != nil {
		return nil, r.err
	}
	secret, err := h.store.PageKey(ctx)
	if err != nil {
		return nil, err
	}
	account := api.AccountSID(ctx)
	p := &page[Row, Shown]{
		source: rows, links: newLinks(ctx, r.url, account, secret), array: array, present: present, ctx: ctx, limits: h.limits,
	}
	if p.from, err = p.start(); err != nil {
		return nil, err
	}
	if p.release, err = h.slots.acquire(ctx, account); err != nil {
		return nil, err
	}
	opened := false
	defer func() {
		if !opened {
			p.release()
		}
	}()
	if p.first, err = p.part(p.from.after, "", p.from.backward, firstRows); err != nil {
		return nil, err
	}
	if p.from.backward {
		if err := p.collect(); err != nil {
			return nil, err
		}
	}
	opened = true
	return p.write, nil
}

// part reads a part of the list.
func (p *page[Row, Shown]) part(after, until string, backward bool, rows int) (store.Part[Row], error) {
	return p.read(p.ctx, p.filters, store.Range{
		After: after, Until: until, Backward: backward, Limit: min(rows, p.size), Bytes: p.limits.part, Step: p.limits.step,
	})
}

// rowsPerPart returns how many rows fit into a part if they have the average size of the last part's rows.
func (p *page[Row, Shown]) rowsPerPart(last store.Part[Row]) int {
	if len(last.Rows) == 0 {
		return firstRows
	}
	return max(1, len(last.Rows)*p.limits.part/last.Bytes)
}

// write writes the page. After an error the page is incomplete, and the connection must be closed.
func (p *page[Row, Shown]) write(w http.ResponseWriter) error {
	defer p.release()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	out := bufio.NewWriterSize(w, 16<<10) // Flush returns the first error
	_, _ = out.WriteString(`{"` + p.array + `":[`)
	rows := 0
	emit := func(text []byte) bool {
		if rows++; rows > 1 {
			_ = out.WriteByte(',')
		}
		_, err := out.Write(text)
		return err == nil
	}
	if p.from.backward {
		if err := p.writeBackward(emit); err != nil {
			return err
		}
	} else {
		// An error ends the page early. If it persists, the request for the next page returns it.
		_ = p.walk(func(_ string, text []byte) bool { return emit(text) })
	}
	meta, err := json.Marshal(p.meta())
	if err != nil {
		return err
	}
	_, _ = out.WriteString(`],"meta":`)
	_, _ = out.Write(meta)
	_, _ = out.WriteString("}\n")
	return out.Flush()
}

// walk reads the rows of the page and calls emit with each row as JSON until emit returns false.
func (p *page[Row, Shown]) walk(emit func(key string, text []byte) bool) error {
	part, rows, bytes, read := p.first, 0, 0, 0
	p.first = store.Part[Row]{}
	for {
		for _, row := range part.Rows {
			text, err := json.Marshal(p.present(p.ctx, row))
			if err != nil {
				return err
			}
			key := p.key(row)
			if rows++; rows == 1 {
				p.near = key
			}
			if bytes += len(text); rows > 1 && bytes > p.limits.bytes {
				p.beyond = key
				return nil
			}
			if !emit(key, text) {
				return nil
			}
			p.reached = key
		}
		if p.beyond = part.Beyond; part.Reached != "" {
			p.reached = part.Reached
		}
		if rows == 0 {
			p.near = p.reached
		}
		if read += part.Read; p.beyond == "" || rows == p.size || read >= p.limits.read {
			return nil
		}
		var err error
		if part, err = p.part(p.reached, "", p.from.backward, min(p.rowsPerPart(part), p.size-rows)); err != nil {
			return err
		}
	}
}

// collect finds the rows of a page that is read backward.
func (p *page[Row, Shown]) collect() error {
	p.keys = map[string]bool{}
	bytes := 0
	return p.walk(func(key string, text []byte) bool {
		p.keys[key] = true
		if bytes += len(text); bytes <= p.limits.held {
			p.held = append(p.held, text)
		} else {
			p.held = nil
		}
		return true
	})
}

// writeBackward calls emit with the collected rows in the order of the list. Rows that were deleted since, and rows that were
// added since, are left out.
func (p *page[Row, Shown]) writeBackward(emit func(text []byte) bool) error {
	if len(p.held) == len(p.keys) {
		for _, text := range slices.Backward(p.held) {
			if !emit(text) {
				return nil
			}
		}
		return nil
	}
	after, rows := p.beyond, firstRows
	for {
		part, err := p.part(after, p.from.after, false, rows)
		if err != nil {
			return err
		}
		for _, row := range part.Rows {
			if !p.keys[p.key(row)] {
				continue
			}
			text, err := json.Marshal(p.present(p.ctx, row))
			if err != nil {
				return err
			}
			if !emit(text) {
				return nil
			}
		}
		if part.Beyond == "" {
			return nil
		}
		after, rows = part.Reached, p.rowsPerPart(part)
	}
}

// meta returns the meta property of the page.
func (p *page[Row, Shown]) meta() gen.PageMeta {
	var ahead, behind *position
	if p.beyond != "" {
		ahead = &position{after: p.reached, backward: p.from.backward}
	}
	if p.from.after != "" {
		behind = &position{after: p.near, backward: !p.from.backward}
	}
	if p.from.backward {
		ahead, behind = behind, ahead
	}
	return p.links.meta(p.array, ahead, behind)
}
