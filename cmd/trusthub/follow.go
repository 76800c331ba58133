package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
)

const (
	// reconnectDelay is how long to wait before a lost connection is made again.
	reconnectDelay = time.Second
	// maxSilence is how long a connection may be silent before it counts as lost. A stream has a comment every 15 seconds.
	maxSilence = time.Minute
)

var errSilent = errors.New("the server has sent nothing for a minute")

// follower prints the requests of a stream. When it has lost the connection, it resumes after the last message.
type follower struct {
	api       system
	params    operatorapi.StreamRequestParams
	streams   streams
	connected bool // at least once
}

// follow prints requests until ctx ends. It returns an error if the server cannot be reached at first, or refuses.
func (f *follower) follow(ctx context.Context) error {
	for {
		again, err := f.read(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // err says that the command was to end
		case !again:
			return err
		}
		fmt.Fprintf(f.streams.err, "the connection was lost (%v); connecting again\n", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconnectDelay):
		}
	}
}

// read connects once, prints what comes, and returns why that ended, and whether to connect again.
func (f *follower) read(ctx context.Context) (again bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(maxSilence, func() { cancel(errSilent) })
	defer watchdog.Stop()

	response, err := f.api.StreamRequest(ctx, &f.params)
	if err != nil {
		return f.connected, cmp.Or(context.Cause(ctx), withoutQuery(err))
	}
	defer response.Body.Close() //nolint:errcheck // it is only read
	if response.StatusCode != http.StatusOK {
		_, err := responseOf[struct{}](response, nil)
		busy := response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable
		return f.connected && busy, err
	}
	f.connected = true
	fmt.Fprintln(f.streams.err, "connected")
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxResponseBytes)
	var next message
	for lines.Scan() {
		watchdog.Reset(maxSilence)
		if lines.Text() != "" {
			next.add(lines.Text())
			continue
		}
		if err := f.show(next); err != nil {
			return false, err
		}
		next = message{}
	}
	return true, cmp.Or(context.Cause(ctx), lines.Err(), io.ErrUnexpectedEOF)
}

// show prints a message, and remembers its id to resume after it.
func (f *follower) show(m message) error {
	if id, err := strconv.ParseInt(m.id, 10, 64); err == nil {
		f.params.LastEventID = &id
	}
	switch {
	case m.data == "":
		return nil
	case m.kind == "missed":
		var missed operatorapi.Missed
		if err := json.Unmarshal([]byte(m.data), &missed); err != nil {
			return errNoRequestStream
		}
		count := "some"
		if missed.Missed != nil {
			count = strconv.FormatInt(*missed.Missed, 10)
		}
		_, err := fmt.Fprintf(f.streams.err, "%s requests are missing here\n", count)
		return err
	}
	var request operatorapi.Request
	if err := json.Unmarshal([]byte(m.data), &request); err != nil {
		return errNoRequestStream
	}
	return printLine(f.streams.out, request, requestTable)
}

var errNoRequestStream = errors.New("the response is not the stream of an operator API")

// message is a message of a text/event-stream.
type message struct{ id, kind, data string }

// add adds a line of the stream to the message. A comment begins with a colon, so it has no name.
func (m *message) add(line string) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "id":
		m.id = value
	case "event":
		m.kind = value
	case "data":
		if m.data != "" {
			m.data += "\n"
		}
		m.data += value
	}
}
