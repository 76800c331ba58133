# Runs one Postgres cluster for a test process and ends with it. Arguments: the cluster's folder, which belongs to this
# user, the paths of initdb and postgres, and "on" or "off" for fsync.
#
# Standard input is both the order book and the lifeline: each line is a port and means "start the server on it"; its end
# means that the test process has stopped, died or been killed, because the kernel then closes the only other end.
# Standard output answers: "ready" once after initdb, and for each start the server's process id, then "gone" when the last
# of the server's processes has ended, for whatever reason.

folder=$1 initdb=$2 postgres=$3 fsync=$4
data=$folder/data pid=

trap '' PIPE # when the test process is gone, an answer to it must not end us before the folder is removed

if "$initdb" --pgdata="$data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync \
	>"$folder/log" 2>&1 && mkfifo "$folder/stderr"; then
	echo ready
else
	echo failed
fi

while read -r port; do
	wait # collects the server before: as a zombie it would look to the next one as if it still ran
	# Every process of the server holds the writing end, so that cat ends with the last one. We open it ourselves: a child
	# that waited for its other end could be killed there, and the other end would wait for ever.
	{ cat >>"$folder/log"; echo gone; } <"$folder/stderr" &
	exec 3>"$folder/stderr"
	"$postgres" -D "$data" \
		-c listen_addresses=127.0.0.1 -c port="$port" -c unix_socket_directories= \
		-c max_connections=200 -c shared_buffers=32MB -c fsync="$fsync" \
		-c dynamic_shared_memory_type=mmap `# files in the folder, where /dev/shm would keep them after a kill` \
		>&3 2>&3 3>&- &
	pid=$!
	echo "$pid" # before we let go, hence before "gone"
	exec 3>&-
done

if [ -n "$pid" ]; then
	# An immediate shutdown. Asked until it is gone: one that has only just begun still ignores the signal.
	while kill -QUIT "$pid" 2>/dev/null; do sleep 0.1; done
	wait
fi
# A server that was killed leaves its System V segment, named on line 7, which only the next start would take over.
segment=$(sed -n '7s/.* //p' "$data/postmaster.pid" 2>/dev/null)
[ -z "$segment" ] || ipcrm -m "$segment" 2>/dev/null
rm -rf "$folder"
