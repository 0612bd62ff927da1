#!/bin/busybox sh
# Runs our own engine where it has hardware virtualization: inside a guest of the software CPU.
# `make test-kvm` starts it there by `ktstr exec`; docs/kvm.md explains.
#
#   nested.sh KTSTR SCENARIOS KERNEL...
#
# One line for each case, and a last line with the sum. A case that fails is tried once more, since
# the software CPU has faults of its own; the line says so.
set -u
ktstr=$1 scenarios=$2
shift 2
kernels=$*
newest=${kernels##* }
mkdir -p /tmp/nested/bin && cd /tmp/nested || exit 3
/bin/busybox --install -s /tmp/nested/bin
export PATH=/tmp/nested/bin:$PATH
passed=0 failed=0 again=0

# A case is a function; what it prints is shown where it fails.
attempt() {
  local name=$1 began status
  began=$(cut -d. -f1 /proc/uptime)
  shift
  "$@" > out 2>&1
  status=$?
  seconds=$(($(cut -d. -f1 /proc/uptime) - began))
  return $status
}

check() {
  local name=$1
  if attempt "$@"; then
    echo "nested: $name passed in $seconds s"
  else
    echo "nested: $name failed once in $seconds s:"
    tail -n 25 out | sed 's/^/  | /'
    again=$((again + 1))
    if attempt "$@"; then
      echo "nested: $name passed in $seconds s, at the second attempt"
    else
      echo "nested: $name FAILED in $seconds s:"
      tail -n 40 out | sed 's/^/  | /'
      failed=$((failed + 1))
      return
    fi
  fi
  passed=$((passed + 1))
}

scenario() {
  "$ktstr" test --engine kvm --output results --kernel "$1" "$2"
}

shape() {
  cat > shape.json <<X
{ "ktstr": 1, "name": "shape", "duration": "1s", "timeout": "120s",
  "machine": { "topology": "$2", "memory": "512MiB", "disk": { "size": "16MiB" } },
  "work": [ { "name": "spin", "type": "spin", "workers": 2 },
            { "name": "disk", "type": "diskVerify", "bytes": "1MiB" } ] }
X
  scenario "$1" shape.json
}

# What is left of a run when it has ended.
leftovers() {
  for process in /proc/[0-9]*; do
    case $(tr '\0' ' ' < "$process/cmdline" 2> /dev/null) in
      "$ktstr "*) echo "left: $process $(cat "$process/cmdline")"; return 1 ;;
    esac
  done
}

# Words that must be in the output of a guest's program, and its status.
inside() {
  local words=$1 wanted=$2 status
  shift 2
  "$ktstr" exec --engine kvm --kernel "$newest" --memory 512MiB --include /bin/busybox "$@" \
    > inner 2>&1 < /dev/null
  status=$?
  cat inner
  [ "$status" = "$wanted" ] || { echo "status $status, $wanted expected"; return 1; }
  grep -q "$words" inner || { echo "'$words' is not in it"; return 1; }
  leftovers
}

panic() {
  inside 'sysrq triggered crash' 3 -- /bin/busybox sh -c 'echo c > /proc/sysrq-trigger'
}

# The kernel resets by a triple fault when it is told to.
triple_fault() {
  inside 'triple fault' 3 -- /bin/busybox sh -c \
    'echo triple > /sys/kernel/reboot/type && echo b > /proc/sysrq-trigger; sleep 60' \
    && grep -q 'rip=0x' inner && grep -q 'code at rip' inner
}

# Every CPU spins above everything else: the guest says no more.
wedge() {
  inside '' 3 --timeout 20s -- /bin/busybox sh -c \
    'echo -1 > /proc/sys/kernel/sched_rt_runtime_us; chrt -f 99 sh -c "while :; do :; done"'
}

killed() {
  local run
  rm -rf killed
  "$ktstr" test --engine kvm --output killed --kernel "$newest" "$scenarios/smoke.json" &
  run=$!
  sleep "$1"
  kill -9 $run
  wait $run 2> /dev/null
  # The parent-death signal reaches the run's process at once; the kernel then takes the VM down.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    leftovers > /dev/null && break
    sleep 0.2
  done
  leftovers && [ -s killed/*/machine.json ]
}

for kernel in $kernels; do
  for name in smoke disk fairness; do
    check "$name on $kernel" scenario "$kernel" "$scenarios/$name.json"
  done
  for topology in 1n1l1c1t 1n2l2c1t 1n1l2c2t 2n2l1c1t; do
    check "$topology on $kernel" shape "$kernel" "$topology"
  done
done
check "a panic" panic
check "a triple fault" triple_fault
check "a wedged guest" wedge
check "SIGKILL while booting" killed 2
check "SIGKILL while running" killed 9
echo "nested: $passed passed, $failed failed, $again tried again"
[ "$failed" = 0 ]
