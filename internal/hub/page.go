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

// pageLimits bounds what one page costs. While its reader is slow it takes the memory of one part, whose last row may exceed
// the limit, and of one row as JSON.
type pageLimits struct {
	bytes int // of the rows of a page as JSON; a single row may have more
	read  int // rows that are read for a page, whether they match the filters or not
	part  int // bytes of text that are read at a time
	step  int // rows that are filtered at a time
	held  int // bytes of JSON that are kept until they can be written
}

func usualLimits() pageLimits {
	return pageLimits{bytes: 4 << 20, read: 10_000, part: 64 << 10, step: 1000, held: 256 << 10}
}

const firstRows = 100 // that are read at first; then as many as fit into a part

// page is a page of a list: up to links.size rows, within the limits.
//
// It is written as it is read, a part at a time, and holds no connection to the database while it is written. Whatever ends it
// early leaves it whole, because what it says of itself comes last: its link goes on from the row that was reached.
type page[Row, Shown any] struct {
	source[Row]
	links

	array   string                           // the property that holds the rows
	present func(context.Context, Row) Shown // what is written of a row
	ctx     context.Context                  //nolint:containedctx // the generated interface has none for writing
	limits  pageLimits
	release func() // the slot
	from    position
	first   store.Part[Row]

	// Of a page that is read backward, and so found from its last row to its first, before it can be written:
	keys map[string]bool
	held [][]byte // its rows in that order; nil if they exceed limits.held, and are read once more

	near    string // the key of the first row, as read; without rows, the same as reached
	reached string // the key of the row that was read last
	beyond  string // the key of the row after that; empty if the list ends there
}

// openPage reads the beginning of a page, so that what goes wrong there has its own status. It returns what writes the page, and
// has to be called.
func openPage[Row, Shown any](
	ctx context.Context, h *Hub, r pageRequest, array string, rows source[Row], present func(context.Context, Row) Shown,
) (write func(http.ResponseWriter) error, err error) {
	if r.err != nil {
		return nil, r.err
	}
	account, err := h.accounts.account(ctx, api.AccountSID(ctx))
	if err != nil {
		return nil, err
	}
	p := &page[Row, Shown]{
		source: rows, links: newLinks(ctx, r.url, account), array: array, present: present, ctx: ctx, limits: h.limits,
	}
	if p.from, err = p.start(); err != nil {
		return nil, err
	}
	if p.release, err = h.slots.acquire(ctx, account.SID); err != nil {
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

// rowsPerPart is how many rows fit into a part if they are like those of the last one. The database should send no more.
func (p *page[Row, Shown]) rowsPerPart(last store.Part[Row]) int {
	if len(last.Rows) == 0 {
		return firstRows
	}
	return max(1, len(last.Rows)*p.limits.part/last.Bytes)
}

// write writes the page. After an error it is not whole, and the connection must not be used any more.
func (p *page[Row, Shown]) write(w http.ResponseWriter) error {
	defer p.release()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	out := bufio.NewWriterSize(w, 16<<10) // it keeps an error, and returns it in the end
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
		// An error ends the page early. If it stays, it is the answer to the request for the next page.
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

// walk reads the rows of the page and gives each to emit, as JSON, as long as that returns true.
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

// writeBackward gives the rows that were collected to emit, in the order of the list. What has been deleted meanwhile is left
// out. What was added in between is left out, too: the page has its size.
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

// meta is what the page says of itself.
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
