package main

import (
	"errors"
	"net"
	"os"
	"regexp"
)

// operatorFlags say who may call the operator API, and where it and the console are.
type operatorFlags struct {
	OperatorToken  string `env:"TRUSTHUB_OPERATOR_TOKEN" placeholder:"TOKEN" help:"Bearer token of the operator API, which is off without one. Prefer the variable: other users of the machine can see the command line."`
	ServerName     string `env:"TRUSTHUB_SERVER_NAME" placeholder:"NAME" help:"Name of this server in the operator API, if several share a host. Without it, that of the host."`
	OperatorListen string `env:"TRUSTHUB_OPERATOR_LISTEN" placeholder:"ADDRESS" help:"Address for the console and the operator API alone. Without it, they share --listen if that is on loopback, and are off otherwise."`
}

// operatorToken matches tokens that every client can send (RFC 6750) and nobody can guess.
var operatorToken = regexp.MustCompile(`^[0-9A-Za-z._~+/-]{16,256}=*$`)

// serverName matches names that need no quoting in a log or URL.
var serverName = regexp.MustCompile(`^[0-9A-Za-z._:-]{1,100}$`)

// name returns the name of the server.
func (f operatorFlags) name() string {
	if f.ServerName != "" {
		return f.ServerName
	}
	host, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return host
}

// validate reports what would keep the operator API from working.
func (f operatorFlags) validate() error {
	if f.ServerName != "" && !serverName.MatchString(f.ServerName) {
		return errors.New("--server-name must consist of 1 to 100 letters, digits, dots, colons, hyphens and underscores")
	}
	if f.OperatorListen != "" {
		if _, _, err := net.SplitHostPort(f.OperatorListen); err != nil {
			return errors.New("--operator-listen must be a host or IP address and a port, such as 127.0.0.1:8081")
		}
	}
	if f.OperatorToken != "" && !operatorToken.MatchString(f.OperatorToken) {
		return errors.New("TRUSTHUB_OPERATOR_TOKEN must have 16 to 256 letters, digits and characters of -._~+/, as a bearer token has")
	}
	return nil
}
