package callback

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// zone has the answers of a DNS server: for each name, the addresses of the n-th answer, of which the last is repeated. Other
// names have the address 127.0.0.1.
type zone map[string][][]string

// resolver returns a resolver that uses a server on loopback with the answers of z.
func (z zone) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { z.serve(t, socket) })
	t.Cleanup(func() {
		_ = socket.Close()
		serving.Wait()
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

func (z zone) serve(t *testing.T, socket net.PacketConn) {
	t.Helper()
	type query struct {
		name string
		kind dnsmessage.Type
	}
	asked := make(map[query]int)
	buffer := make([]byte, 1500)
	for {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return // closed
		}
		var message dnsmessage.Message
		if err := message.Unpack(buffer[:n]); err != nil || len(message.Questions) != 1 {
			t.Errorf("an invalid query: %v", err)
			continue
		}
		question := message.Questions[0]
		key := query{question.Name.String(), question.Type}
		answers, ok := z[key.name]
		if !ok {
			answers = [][]string{{"127.0.0.1"}}
		}
		message.Answers = records(question, answers[min(asked[key], len(answers)-1)])
		message.Additionals = nil
		asked[key]++
		message.Response, message.RecursionAvailable = true, true
		if len(answers[0]) == 0 {
			message.RCode = dnsmessage.RCodeNameError
		}
		packed, err := message.Pack()
		if err != nil {
			t.Error(err)
			continue
		}
		_, _ = socket.WriteTo(packed, from)
	}
}

// records returns the addresses that have the queried type.
func records(question dnsmessage.Question, addresses []string) (all []dnsmessage.Resource) {
	for _, address := range addresses {
		ip := netip.MustParseAddr(address)
		var body dnsmessage.ResourceBody
		switch {
		case ip.Is4() && question.Type == dnsmessage.TypeA:
			body = &dnsmessage.AResource{A: ip.As4()}
		case ip.Is6() && question.Type == dnsmessage.TypeAAAA:
			body = &dnsmessage.AAAAResource{AAAA: ip.As16()}
		default:
			continue
		}
		all = append(all, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class},
			Body:   body,
		})
	}
	return all
}
