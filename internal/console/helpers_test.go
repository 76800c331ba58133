package console_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// body returns the body of a request.
func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

// read returns the body of a response.
func read(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tcp returns an address.
func tcp(address string) net.Addr {
	tcp, _ := net.ResolveTCPAddr("tcp", address)
	return tcp
}
