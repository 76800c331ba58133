# Runs one Postgres cluster for a test process and ends with it. Arguments: the cluster's folder, which belongs to this user, the
# folder of Postgres's programs, "on" or "off" for fsync, and the URL of the primary if this is its standby.
#
# Standard input takes orders, a line each: "start_server PORT" and "kill_server". It ends when the test process has stopped, died or been
# killed, because the kernel then closes the only other end. Standard output has one line for the data folder and one for each order:
# "ok" when it is done, or else "failed".

cd "$1" || exit
bin=$2 fsync=$3 primary=$4 pid=
trap '' PIPE # a line that nobody reads any more must not end us before the folder is removed

# is_up reports whether the server accepts connections: its file begins with its process id and ends with its state. A server that
# was killed leaves the file of its own.
is_up() { [ "$(sed -n '1p;$s/ *$//p' data/postmaster.pid | tr '\n' ' ')" = "$pid ready " ]; }

start_server() {
	wait # for the server before: as a zombie it would look to the next one as if it still ran
	# Every process of the server holds the writing end, so that cat ends with the last one. We open it ourselves: a child that
	# waited for its other end could be killed there, and the other end would wait for ever.
	cat >>log <stderr &
	exec 3>stderr
	# mmap: shared memory is files in the folder, where /dev/shm would keep it after a kill.
	"$bin/postgres" -D "$PWD/data" -c listen_addresses=127.0.0.1 -c port="$1" -c unix_socket_directories= \
		-c max_connections=200 -c shared_buffers=32MB -c fsync="$fsync" -c dynamic_shared_memory_type=mmap >&3 2>&3 3>&- &
	pid=$!
	exec 3>&-
	tries=3000
	until is_up; do [ $((tries -= 1)) -gt 0 ] && kill -0 "$pid" && sleep 0.02 || return; done
}

# Each child of the postmaster leads a process group, so that no single signal reaches all. Stopped, the postmaster makes no more
# of them. Without /proc they end by themselves when they notice that it is dead.
kill_server() { kill -STOP "$pid" && kill -KILL $(cat "/proc/$pid/task/$pid/children") "$pid" && wait; }

say() { if [ $? = 0 ]; then echo ok; else echo failed; fi; }

# init fills the data folder, for a standby with a copy of the primary's.
init() {
	if [ -n "$primary" ]; then
		"$bin/pg_basebackup" --dbname="$primary" --pgdata=data --checkpoint=fast --write-recovery-conf --no-sync
	else
		"$bin/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync
	fi
}

init >log 2>&1 && mkfifo stderr
say
while read -r order port; do
	"$order" $port
	say
done

if [ -n "$pid" ]; then
	# An immediate shutdown. Asked until it is gone, because a server that has only just begun ignores the signal.
	while kill -QUIT "$pid"; do sleep 0.1; done
	wait
fi
# A server that was killed leaves its System V segment, named on line 7, which only the next start would take over.
segment=$(sed -n '7s/.* //p' data/postmaster.pid) && ipcrm -m "$segment"
cd / && rm -rf "$1"
