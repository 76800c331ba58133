// Package upgrade replaces a server with one of the next version, under load.
//
// It shows that servers can be replaced one by one: while the server of the next version migrates the database, and
// afterwards, the server of the previous version stays healthy, serves, and delivers. The upgrade can be rolled back. No
// request fails, no acknowledged change is lost, and all callbacks arrive.
//
// The next version is this one with more migrations, testdata/*.sql, of the kind that CONTRIBUTING.md allows. The build
// overlays them. The package does not test whether real migrations follow the rules: a test in internal/store does.
package upgrade
