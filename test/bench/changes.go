package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	submissionGoal = 0.5
	fetchGoal      = 0.6
	changesASecond = 5000 // in a round, for each second that a round of other figures takes
	unreachable    = "http://127.0.0.1:9/status"
)

// changes is figure 11: submissions, each with a callback and an e-mail to be sent, compared with creates; and fetches, compared
// with a handler that returns a fixed product. Nothing is delivered: figure 6 measures that.
func (b *bench) changes(ctx context.Context) (_ []row, err error) {
	s, err := serveDatabase(ctx, b.path("changes.db"), durable)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	count := int(b.Round.Seconds() * changesASecond)
	created := creates(s.address, b.Connections)
	submitted, err := inTurns(ctx, b.Rounds, b.submissions(s, count), func(ctx context.Context) (loaded, error) {
		return created.times(ctx, count)
	})
	if err != nil {
		return nil, err
	}
	fetched, err := b.fetched(ctx, s)
	if err != nil {
		return nil, err
	}
	at := fmt.Sprintf("at %d connections", b.Connections)
	rows := []row{
		shareRow("submissions with two notices "+at+", of creates", submitted, submissionGoal),
		shareRow("fetches "+at+", of a bare handler with a fixed product", fetched, fetchGoal),
	}
	rows[0].number = "11"
	return rows, nil
}

// submissions submits drafts, which are made before each round.
func (b *bench) submissions(s *local, count int) side {
	return func(ctx context.Context) (loaded, error) {
		sids, err := makeDrafts(ctx, s.Store(), count, unreachable)
		if err != nil {
			return loaded{}, err
		}
		return load{
			address: s.address, connections: b.Connections, status: http.StatusOK,
			request: func(buffer []byte, number int) []byte { return append(buffer, submission(sids[number])...) },
		}.times(ctx, count)
	}
}

func submission(sid string) string { return post("/v1/TrustProducts/"+sid, "Status=pending-review") }

// fetched compares fetches with a handler that knows the response.
func (b *bench) fetched(ctx context.Context, s *local) (share, error) {
	sids, err := makeDrafts(ctx, s.Store(), smallSize, unreachable)
	if err != nil {
		return share{}, err
	}
	product, err := body(ctx, s.address, "/v1/TrustProducts/"+sids[0])
	if err != nil {
		return share{}, err
	}
	var bare process
	err = bare.listen(ctx, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(product) // the load generator notices a failure
	}))
	if err != nil {
		return share{}, err
	}
	defer bare.halt()
	return inTurns(ctx, b.Rounds, fetches(s.address, b.Connections, sids).rounds(b.Round),
		fetches(bare.address, b.Connections, sids).rounds(b.Round))
}

// body returns the body of a response.
func body(ctx context.Context, address, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(accountSID, authToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // all is read
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return text, err
}
