// Package rotation rotates the auth token of an account several times while programs use it, on one server and on two that share
// a database.
//
// It shows that no request is refused, walks through long lists included, if every program uses the new token before it is
// promoted, that every callback is valid for a receiver that has both tokens, and that the old token ends with the promotion.
package rotation
