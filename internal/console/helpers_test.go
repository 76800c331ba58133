package console_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
)

// body returns the body of a request.
func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

// cookiesOf returns the cookies that a response sets.
func cookiesOf(response *httptest.ResponseRecorder) []*http.Cookie {
	result := response.Result()
	_ = result.Body.Close() // never fails
	return result.Cookies()
}

// tcp returns an address.
func tcp(address string) net.Addr {
	tcp, _ := net.ResolveTCPAddr("tcp", address)
	return tcp
}
