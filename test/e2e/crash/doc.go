// Package crash kills servers and Postgres under load, and checks that nothing is lost, half done or sent twice.
//
// The tests show that after kill -9 every acknowledged write is there, and every other write is there completely or not at all.
// A rotation of the keys of auth tokens goes on where it was. The histories of bundles have each change that is there exactly
// once. Every committed change of a status is delivered over both channels, in order, and twice only if it was being delivered
// when its server died. Several servers share one database, and replace each other. Servers with the URL of a primary and its
// synchronous standby survive a failover. While Postgres is down, or the disk refuses writes, requests get the documented error,
// and the same servers continue afterwards. Programs that onboard businesses with package client notice nothing of all that but
// a pause: each business ends approved, with everything stored once.
//
// The tests build the program once and run it in separate processes, with the race detector if the tests use it, and on both
// engines if the engine matters. They use its command line, its API, and the tables of its database.
//
// `make test` runs a few rounds. `make crash` runs all of them without the race detector, so that kills hit the server at its
// real speed. TRUSTHUB_CRASH_ROUNDS is the number of kills of the tests named TestCrash. If it is set at all, TestManyServers
// kills for a minute, TestPostgresDies kills twenty times, and TestNoDuplicatesWithoutACrash sends 20,000 notices.
// TRUSTHUB_ONBOARD is the number of programs of the tests named TestOnboarding, and of the businesses of each program:
//
//	TRUSTHUB_CRASH_ROUNDS=50 go test ./test/e2e/crash -run TestCrash -v -timeout 30m
//	TRUSTHUB_ONBOARD=100 go test ./test/e2e/crash -run TestOnboarding -v -parallel 1 -timeout 60m
package crash
