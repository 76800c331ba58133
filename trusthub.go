// Package trusthub is the root of a typed Go client, a server interface and a stateful stand-in for Twilio's Trust Hub: its
// Trust Products and Customer Profiles, with which a business registers its identity, and all that belongs to them.
//
// The package itself holds the contracts that everything else is generated from. Import instead
//
//   - api/client to call the API,
//   - api and gen/server to serve it with a backend of your own,
//   - gen for the bare generated types and client.
//
// The program is in cmd/trusthub. This module is not made by Twilio.
package trusthub

import _ "embed"

//go:embed openapi.yaml
var contract string

//go:embed api/operator/openapi.yaml
var operatorContract string

// Contract returns the module's openapi.yaml, an OpenAPI 3.0.3 document in YAML, byte for byte.
func Contract() string { return contract }

// OperatorContract is Contract for the operator API, api/operator/openapi.yaml.
func OperatorContract() string { return operatorContract }
