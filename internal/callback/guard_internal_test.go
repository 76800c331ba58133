package callback

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// watched is a sender whose dialer uses the real guard, but counts the addresses that pass it instead of dialling them, so
// that a hole in the guard does not cause connections.
func watched(t *testing.T, resolver *net.Resolver) (s *Sender, passed *atomic.Int32) {
	t.Helper()
	passed = new(atomic.Int32)
	guard := newGuard(nil)
	s = newSender(Config{Now: time.Now, Timeout: 5 * time.Second}, &net.Dialer{
		Resolver: resolver,
		Control: func(network, address string, raw syscall.RawConn) error {
			err := guard.control(network, address, raw)
			if err == nil {
				passed.Add(1)
				return errors.New("this test dials nothing")
			}
			return err
		},
	})
	t.Cleanup(s.Close)
	return s, passed
}

// listen counts connections to a port on all addresses.
func listen(t *testing.T) (port string, connections *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", ":0") // every address of this machine, so also ::1
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int32)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return port, connections
}

type target struct{ refusal, url string }

// targets returns the targets in testdata/addresses.txt.
func targets(t *testing.T) (all []target) {
	t.Helper()
	text, err := os.ReadFile("testdata/addresses.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		refusal, url, _ := strings.Cut(line, " ")
		all = append(all, target{refusal, strings.TrimSpace(url)})
	}
	return all
}

func TestAddresses(t *testing.T) {
	all := targets(t)
	if len(all) < 80 {
		t.Fatalf("only %d addresses", len(all))
	}
	port, connections := listen(t)
	sender, passed := watched(t, zone{
		"metadata.google.internal.": {{"169.254.169.254"}},
		"private.test.":             {{"10.0.0.1"}},
		"six.test.":                 {{"fd00:ec2::254"}},
		"mapped.test.":              {{"::ffff:127.0.0.1"}},
		"nat64.test.":               {{"64:ff9b::7f00:1"}},
		"6to4.test.":                {{"2002:7f00:1::"}},
		"nothing.test.":             {{}},
	}.resolver(t))
	for _, target := range all {
		t.Run(target.url, func(t *testing.T) {
			url := strings.ReplaceAll(target.url, "PORT", port)
			attempt := sender.Send(t.Context(), trust.Notice{Target: url}, "token")
			if attempt.Connected || attempt.StatusCode != 0 {
				t.Errorf("connected: %+v", attempt)
			}
			wantVerdict, wantErrors := trust.TryAgain, []string{target.refusal + " is not on the public internet; "}
			switch target.refusal {
			case "loopback":
				wantErrors = []string{"127.0.0.1 is not on the public internet; ", "::1 is not on the public internet; "}
			case "name":
				wantErrors = []string{"the host name does not exist"}
			case "url":
				wantVerdict, wantErrors = trust.Refused, []string{"the URL cannot be requested: "}
			}
			if attempt.Verdict != wantVerdict {
				t.Errorf("verdict %q, want %q", attempt.Verdict, wantVerdict)
			}
			if !strings.HasPrefix(attempt.Error, wantErrors[0]) && !strings.HasPrefix(attempt.Error, wantErrors[len(wantErrors)-1]) {
				t.Errorf("error %q, want %q", attempt.Error, wantErrors)
			}
		})
	}
	if n := passed.Load(); n != 0 {
		t.Errorf("%d targets passed the guard", n)
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("the listener got %d connections", n)
	}
}

// TestControlRefuses: the dialer's control function must refuse each address of the table.
func TestControlRefuses(t *testing.T) {
	control := newGuard(nil).control
	for _, target := range targets(t) {
		ip, err := netip.ParseAddr(target.refusal)
		if err != nil {
			continue
		}
		spellings := []netip.Addr{ip}
		if ip.Is4() {
			spellings = append(spellings, netip.AddrFrom16(ip.As16())) // IPv4-mapped
		} else {
			spellings = append(spellings, ip.WithZone("lo"))
		}
		for _, ip := range spellings {
			for _, port := range []uint16{0, 80, 443, 65535} {
				to := netip.AddrPortFrom(ip, port).String()
				for _, network := range []string{"tcp4", "tcp6"} {
					if _, ok := errors.AsType[*refusedError](control(network, to, nil)); !ok {
						t.Errorf("%s %s is not refused", network, to)
					}
				}
			}
		}
	}
	for _, odd := range []string{"", "localhost:80", "8.8.8.8", "127.1:80", "/run/docker.sock", "[::1]:99999"} {
		if control("tcp4", odd, nil) == nil {
			t.Errorf("%q is not refused", odd)
		}
	}
	for _, network := range []string{"tcp", "udp4", "unix", "ip4:icmp", ""} {
		if control(network, "8.8.8.8:80", nil) == nil {
			t.Errorf("network %q is not refused", network)
		}
	}
}

// TestControlAllows: addresses just outside the special ranges are allowed. Nothing is dialled.
func TestControlAllows(t *testing.T) {
	control := newGuard(nil).control
	for _, public := range []string{
		"1.1.1.1:80", "8.8.8.8:443", "8.8.8.8:25", "9.255.255.255:80", "11.0.0.0:80", "100.63.255.255:80", "100.128.0.0:80",
		"126.255.255.255:80", "128.0.0.0:80", "168.63.129.15:80", "168.63.129.17:80", "169.253.255.255:80", "169.255.0.0:80",
		"172.15.255.255:80", "172.32.0.0:80", "192.0.1.0:80", "192.167.255.255:80", "192.169.0.0:80", "198.17.255.255:80",
		"198.20.0.0:80", "223.255.255.255:80", "[::ffff:8.8.8.8]:80",
	} {
		if err := control("tcp4", public, nil); err != nil {
			t.Errorf("%s: %v", public, err)
		}
	}
	for _, public := range []string{
		"[2000::1]:80", "[2001:200::1]:80", "[2001:db7::1]:80", "[2001:db9::1]:80", "[2003::1]:8443", "[2606:4700:4700::1111]:443",
		"[3fff:1000::1]:80",
	} {
		if err := control("tcp6", public, nil); err != nil {
			t.Errorf("%s: %v", public, err)
		}
	}
}

func TestAllow(t *testing.T) {
	for _, test := range []struct {
		allow, address string
		want           bool
	}{
		{"127.0.0.0/8", "127.0.0.1:80", true},
		{"127.0.0.0/8", "[::ffff:127.0.0.1]:80", true},
		{"127.0.0.0/8", "[::1]:80", false},
		{"127.0.0.0/8", "10.0.0.1:80", false},
		{"127.0.0.5/8", "127.0.0.1:80", true}, // host bits do not matter
		{"10.1.0.0/16", "10.2.0.1:80", false},
		{"::1/128", "[::1]:80", true},
		{"::1/128", "127.0.0.1:80", false},
		{"fe80::/10", "[fe80::1%eth0]:80", true},
		{"fd00::/8", "[fd00:ec2::254]:80", true},
		{"64:ff9b::/96", "[64:ff9b::808:808]:80", true},
		{"168.63.129.16/32", "168.63.129.16:80", true},
		{"::/0", "127.0.0.1:80", false}, // IPv4 is not a part of IPv6 here
		{"0.0.0.0/0", "127.0.0.1:80", true},
	} {
		network := "tcp4"
		if netip.MustParseAddrPort(test.address).Addr().Is6() {
			network = "tcp6"
		}
		err := newGuard([]netip.Prefix{netip.MustParsePrefix(test.allow)}).control(network, test.address, nil)
		if (err == nil) != test.want {
			t.Errorf("with %s open, %s: %v", test.allow, test.address, err)
		}
	}
	// Allowing one range refuses nothing else.
	if err := newGuard([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}).control("tcp4", "8.8.8.8:80", nil); err != nil {
		t.Error(err)
	}
}

// TestDenyLoopback: an allowed range does not override it.
func TestDenyLoopback(t *testing.T) {
	guard := newGuard([]netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")})
	guard.denyLoopback = true
	for address, want := range map[string]bool{
		"127.0.0.1:80": false, "127.255.255.254:80": false, "[::1]:80": false, "[::ffff:127.0.0.1]:80": false, "[::1%lo]:80": false,
		"0.0.0.0:80": false, "[::]:80": false, "[::ffff:0.0.0.0]:80": false, "10.0.0.1:80": true, "[fd00::1]:80": true,
	} {
		network := "tcp4"
		if netip.MustParseAddrPort(address).Addr().Is6() {
			network = "tcp6"
		}
		err := guard.control(network, address, nil)
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "--callback-deny-loopback") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestRebinding: the first look-up of a name gives a public address, and the second, for the connection, another one.
func TestRebinding(t *testing.T) {
	port, connections := listen(t)
	resolver := zone{
		"rebind.test.": {{"8.8.8.8"}, {"127.0.0.1"}},
		"both.test.":   {{"10.0.0.1", "127.0.0.1"}}, // the second address must not be used if the first is refused
	}.resolver(t)
	seen, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.test.")
	if err != nil || len(seen) != 1 || newGuard(nil).control("tcp4", netip.AddrPortFrom(seen[0], 80).String(), nil) != nil {
		t.Fatalf("the first look-up should give a public address: %v, %v", seen, err)
	}
	sender, passed := watched(t, resolver)
	for _, name := range []string{"rebind.test.", "both.test."} {
		attempt := sender.Send(t.Context(), trust.Notice{Target: "http://" + name + ":" + port}, "token")
		if attempt.Connected || attempt.Verdict != trust.TryAgain || !strings.Contains(attempt.Error, "--callback-allow") {
			t.Errorf("%s: %+v", name, attempt)
		}
	}
	if passed.Load() != 0 || connections.Load() != 0 {
		t.Errorf("%d passed the guard, %d connections", passed.Load(), connections.Load())
	}
}

func TestNoProxy(t *testing.T) {
	if NewSender(Config{Now: time.Now}).transport.Proxy != nil {
		t.Error("a proxy would be dialled instead of the receiver, bypassing the guard")
	}
}
