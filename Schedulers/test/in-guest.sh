#!/bin/busybox sh
# Loads each scheduler, looks at what it does to small loads, and says one line for each case.
# Runs in a guest as root: in-guest.sh FOLDER, where FOLDER holds ktstr-scx and the objects.
folder=$1
scx=/sys/kernel/sched_ext
cgroups=/sys/fs/cgroup
log=/tmp/scx.log
failures=0

case_is() { # NAME DETAIL: after the test whose status counts
	if [ $? = 0 ]; then
		echo "schedulers: $1 passed ($2)"
	else
		failures=$((failures + 1))
		echo "schedulers: $1 FAILED ($2)"
		grep "^ktstr-scx: " $log
		grep -v "^ktstr-scx: " $log | head -n 20
	fi
}

now() { # hundredths of a second since boot
	read -r up _ < /proc/uptime
	echo "${up%.*}${up#*.}"
}

start() { # NAME [SETTING]...
	object=$folder/$1.bpf.o
	shift
	$folder/ktstr-scx run $object "$@" > $log 2>&1 &
	loader=$!
	for try in $(seq 200); do
		grep -q "^ktstr-scx: attached" $log && return 0
		kill -0 $loader 2> /dev/null || return 1
		usleep 20000
	done
	return 1
}

stop() { # sets `status`
	kill -TERM $loader 2> /dev/null
	wait $loader 2> /dev/null
	status=$?
}

await_end() { # SECONDS: sets `status`, 124 where it goes on and on
	for try in $(seq $(($1 * 10))); do
		kill -0 $loader 2> /dev/null || break
		usleep 100000
	done
	if kill -0 $loader 2> /dev/null; then
		stop
		status=124
	else
		wait $loader
		status=$?
	fi
}

exit_line() {
	grep -m 1 "^ktstr-scx: exit " $log
}

# A busy shell with a name, in a cgroup. Sets `busy`.
spin() { # COMM [CGROUP]
	(
		[ -z "$2" ] || echo 0 > $cgroups/$2/cgroup.procs
		printf %s "$1" > /proc/self/comm
		while :; do :; done
	) &
	busy="$busy $!"
}

end_load() {
	kill -9 $busy 2> /dev/null
	wait $busy 2> /dev/null
	busy=
}

usage() { # CGROUP: microseconds of CPU time
	while read -r key value; do
		[ $key = usage_usec ] && echo $value
	done < $cgroups/$1/cpu.stat
}

# Runs four spinners in each of the cgroups heavy and light; sets `heavy` and `light` to permille.
share() { # SECONDS
	for i in 1 2 3 4; do spin heavy-$i heavy; spin light-$i light; done
	sleep 1
	heavy=$(usage heavy) light=$(usage light)
	sleep $1
	heavy=$(($(usage heavy) - heavy)) light=$(($(usage light) - light))
	end_load
	total=$((heavy + light))
	[ $total -gt 0 ] || total=1
	heavy=$((heavy * 1000 / total)) light=$((light * 1000 / total))
}

# How long 50 sleeps of 1 ms take, in milliseconds. The sleeper is a process of its own.
sleeps() {
	began=$(now)
	for i in $(seq 50); do usleep 1000; done
	took=$((($(now) - began) * 10))
}

# Times at which each CPU was not idle, in hundredths of a second, one word for each CPU.
busy_times() {
	while read -r cpu user nice system idle rest; do
		case $cpu in cpu[0-9]*) echo $((user + nice + system)) ;; esac
	done < /proc/stat
}

llcs() {
	cat /sys/devices/system/cpu/cpu*/cache/index3/shared_cpu_list | sort -u
}

echo "schedulers: on $(uname -r) with $(nproc) CPUs"
echo "+cpu +cpuset" > $cgroups/cgroup.subtree_control
mkdir -p $cgroups/heavy $cgroups/light
echo 300 > $cgroups/heavy/cpu.weight

for object in $folder/*.bpf.o; do
	name=${object##*/}
	name=${name%.bpf.o}
	# The names keep those that look for a victim from finding one.
	case $name in
	fifo | vtime | starve_cgroup | idle_llc) start $name ;;
	*) start $name victim=nobody ;;
	esac
	ops=$(cat $scx/root/ops 2> /dev/null)
	attached=$(cat $scx/state)
	stop
	[ "$attached" = enabled ] && [ "$ops" = $name ] && [ $status = 0 ] \
		&& [ "$(cat $scx/state)" = disabled ] && exit_line | grep -q "kind=64 "
	case_is "$name attaches and stops" "$attached, $(exit_line)"
done

start fifo slice_ns=1000000 ops.timeout_ms=10000
share 3
stop
[ $status = 0 ] && [ $heavy -gt 400 ] && [ $heavy -lt 600 ]
case_is "fifo knows no weights" "heavy $heavy, light $light permille"

start vtime
share 5
stop
[ $status = 0 ] && [ $heavy -gt 700 ] && [ $heavy -lt 800 ]
case_is "vtime shares 3 to 1" "heavy $heavy, light $light permille"

# heavy turns from 3/4 to 2/3 of all while it runs; its parts have 4/5 and 1/5 of that.
mkdir -p $cgroups/heavy/most $cgroups/heavy/rest
echo +cpu > $cgroups/heavy/cgroup.subtree_control
echo 400 > $cgroups/heavy/most/cpu.weight
start vtime
for i in 1 2 3 4; do spin most heavy/most; spin rest heavy/rest; spin light light; done
sleep 1
echo 200 > $cgroups/heavy/cpu.weight
sleep 1
most=$(usage heavy/most) rest=$(usage heavy/rest) light=$(usage light)
sleep 5
most=$(($(usage heavy/most) - most)) rest=$(($(usage heavy/rest) - rest))
light=$(($(usage light) - light))
end_load
stop
total=$((most + rest + light + 1))
most=$((most * 1000 / total)) rest=$((rest * 1000 / total)) light=$((light * 1000 / total))
[ $status = 0 ] && [ $most -gt 480 ] && [ $most -lt 590 ] && [ $rest -gt 90 ] && [ $rest -lt 180 ]
case_is "vtime shares in nested cgroups" "most $most of 533, rest $rest of 133, light $light of 333 permille"
echo -cpu > $cgroups/heavy/cgroup.subtree_control
rmdir $cgroups/heavy/most $cgroups/heavy/rest
echo 300 > $cgroups/heavy/cpu.weight

start starve_cgroup cgroup=light
share 4
stop
[ $status = 0 ] && [ $light -lt 150 ]
case_is "starve_cgroup starves light" "heavy $heavy, light $light permille"

start stuck_task victim=light-1 ops.timeout_ms=4000
spin heavy-1; spin light-1; spin light-2
await_end 15
end_load
[ $status = 2 ] && exit_line | grep -q 'kind=1026 .*light-1\[[0-9]*\] failed to run for'
case_is "stuck_task stalls light-1" "$(exit_line)"

start leak_dsq victim=light-1 every=4 ops.timeout_ms=4000
spin light-1; spin light-1; spin light-1
await_end 20
end_load
[ $status = 2 ] && exit_line | grep -q 'kind=1026 .*light-1\[[0-9]*\] failed to run for' \
	&& grep -q "dsq_id=0x1$" $log
case_is "leak_dsq loses light-1" "$(exit_line)"

echo 0 > $cgroups/light/cpuset.cpus
start ignore_cpusets victim=light-1
spin heavy-1 heavy; spin light-1 light
await_end 5
end_load
echo > $cgroups/light/cpuset.cpus
[ $status = 2 ] && exit_line | grep -q 'kind=1024 .*light-1\['
case_is "ignore_cpusets sends light-1 away" "$(exit_line)"

start crash_exit victim=light-1
spin light-1
pid=${busy# }
usleep 200000
end_load
await_end 5
[ $status = 2 ] && exit_line | grep -q "kind=1025 .*task light-1\[$pid\] ended"
case_is "crash_exit ends with light-1" "$(exit_line)"

start fifo; sleeps; fifo=$took; stop
start slow_wakeup hold_ms=40; sleeps; stop
[ $status = 0 ] && [ $((took - fifo)) -gt 1000 ]
case_is "slow_wakeup holds sleepers" "50 sleeps of 1 ms: fifo $fifo ms, slow_wakeup $took ms"

if [ $(llcs | wc -l) = 2 ]; then
	start idle_llc
	for i in $(seq $(nproc)); do spin spin-$i; done
	sleep 1
	before=$(busy_times)
	sleep 3
	after=$(busy_times)
	end_load
	stop
	half=$(($(nproc) / 2)) cpu=0 least=300 most=0
	for time in $after; do
		set -- $before
		shift $cpu
		time=$((time - $1))
		if [ $cpu -lt $half ]; then
			[ $time -lt $least ] && least=$time
		else
			[ $time -gt $most ] && most=$time
		fi
		cpu=$((cpu + 1))
	done
	# A software CPU on one host thread misses ticks.
	[ $status = 0 ] && [ $least -gt 60 ] && [ $most -lt 15 ]
	case_is "idle_llc leaves the last LLC idle" "of 300 ticks CPUs of the first LLC were busy for at least $least, of the last for at most $most"
else
	echo "schedulers: idle_llc needs a guest with two LLCs; here it was only loaded"
fi

start fifo
echo 0 > /sys/devices/system/cpu/cpu1/online && echo 1 > /sys/devices/system/cpu/cpu1/online
usleep 200000
[ "$(cat $scx/state)" = enabled ]
case_is "a CPU may go and come back" "state $(cat $scx/state)"
stop

start fifo
first=$loader
! start vtime && grep -q "cannot attach vtime: Device or resource busy" $log
case_is "a second scheduler is refused" "$(head -n 1 $log)"
kill -9 $first
wait $first 2> /dev/null
for try in $(seq 50); do
	[ "$(cat $scx/state)" = disabled ] && break
	usleep 100000
done
[ "$(cat $scx/state)" = disabled ]
case_is "a scheduler ends with its loader" "state $(cat $scx/state)"

start fifo no_such_thing=1
[ $? = 1 ] && grep -q "cannot set no_such_thing=1" $log
case_is "an unknown tunable is refused" "$(head -n 1 $log)"

dmesg | grep -E "(WARNING|BUG|Oops)" && failures=$((failures + 1))
echo "schedulers: $failures failed"
[ $failures = 0 ]
