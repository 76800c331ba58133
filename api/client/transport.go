package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opentrusthub/trusthub/gen"
)

// maxAnswerBytes bounds what is read of an answer. A Trust Product takes about a kilobyte.
const maxAnswerBytes = 1 << 20

// Error is an answer that is not 2xx.
type Error struct {
	Status    int    // the HTTP status
	Code      int    // Twilio's error code, for example 20404; 0 if the answer was not the API's, a proxy's page for instance
	Message   string // what is wrong, in a sentence
	MoreInfo  string // a URL that explains the code
	RequestID string // names the request in the server's log
}

// Error says what was answered, with the code and the request id.
func (e *Error) Error() string {
	s := fmt.Sprintf("trusthub: HTTP %d", e.Status)
	if e.Code != 0 {
		s += fmt.Sprintf(", error %d", e.Code)
	}
	s += ": " + e.Message
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	return s
}

// doer sends the requests of the generated client. What it does, every operation has: today's and those to come.
type doer struct{ httpClient *http.Client }

// Do answers an *Error for every status that is not 2xx, and a response whose body ends with an error after
// maxAnswerBytes.
func (d doer) Do(r *http.Request) (*http.Response, error) {
	response, err := d.httpClient.Do(r)
	if err != nil {
		return nil, err
	}
	response.Body = &boundedBody{response.Body, maxAnswerBytes + 1}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close() //nolint:errcheck // nothing is lost: the error is all that is wanted of it
	return nil, readError(response)
}

func readError(response *http.Response) *Error {
	failure := &Error{
		Status:    response.StatusCode,
		Message:   http.StatusText(response.StatusCode),
		RequestID: response.Header.Get("Twilio-Request-Id"),
	}
	var body gen.Error
	if data, err := io.ReadAll(response.Body); err == nil && json.Unmarshal(data, &body) == nil && body.Message != "" {
		failure.Code, failure.Message, failure.MoreInfo = body.Code, body.Message, body.MoreInfo
	}
	return failure
}

// decoded is what a 2xx answer holds. It is nil where the answer is not the one that the contract names.
func decoded[T any](answer *T, response *http.Response) (*T, error) {
	if answer == nil {
		return nil, &Error{
			Status:    response.StatusCode,
			Message:   "the answer is not a Trust Product, its Content-Type is " + response.Header.Get("Content-Type"),
			RequestID: response.Header.Get("Twilio-Request-Id"),
		}
	}
	return answer, nil
}

// boundedBody is a response body that fails, rather than ends, where it is too long.
type boundedBody struct {
	io.ReadCloser
	left int // bytes until it fails
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errors.New("client: the answer is longer than 1 MiB")
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
