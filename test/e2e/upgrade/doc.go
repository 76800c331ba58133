// Package upgrade replaces a server by one of the next version, under load.
//
// It promises operators that servers can be replaced one by one: while the next version's server migrates the database, and on
// the schema that it leaves, the server of the version before stays healthy, serves, and delivers. The upgrade can be taken back.
// No request fails, all that was acknowledged is there, and all callbacks arrive.
//
// The next version is this one with more migrations, of the kind that CONTRIBUTING.md allows: testdata/*.sql, which the build
// lays over the source. What it cannot show is whether a real migration keeps the rules; a test in internal/store
// reads those.
package upgrade
