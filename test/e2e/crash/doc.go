// Package crash kills servers and Postgres under load and looks for what was lost, halved or sent twice.
//
// What the campaigns promise: a write that was acknowledged is there after kill -9, and one that was not is there wholly or not
// at all. Every committed change of a status is delivered over both channels, in order, and twice only if it was on its way when
// its server died. Several servers share one database, and replace each other. While Postgres is away, or the disk takes no
// writes, requests get the documented error, and the same servers go on when it is back.
//
// The tests build the program once and run it as processes of their own, with the race detector if the tests have it, and on both
// engines where the engine matters. They know the program by its command line, its API, and the tables of its database.
//
// `make test` runs a few rounds. `make crash` runs the campaigns, without the race detector, so that a kill meets the server at
// its real speed. TRUSTHUB_CRASH_ROUNDS says how often the tests named TestCrash kill. At any value it also makes
// TestManyServers kill for a minute, TestPostgresDies kill twenty times, and TestNoDuplicatesWithoutACrash send 20,000 notices:
//
//	TRUSTHUB_CRASH_ROUNDS=50 go test ./test/e2e/crash -run TestCrash -v -timeout 30m
package crash
