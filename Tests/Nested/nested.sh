#!/bin/busybox sh
# Runs our own engine where it has hardware virtualization: inside a guest of the software CPU.
# `make test-kvm` starts it there by `ktstr exec`; docs/kvm.md explains.
#
#   nested.sh KTSTR BOOTBENCH SCENARIOS KERNEL CASE...
#
# One line for each case, "nested: CASE passed" or "nested: CASE FAILED". A case is SCENARIO@KERNEL,
# TOPOLOGY@KERNEL, or one of those without a kernel, which use KERNEL. A case that fails is tried once
# more, since the software CPU has faults of its own; the line says so.
set -u
ktstr=$1 bootbench=$2 scenarios=$3 newest=$4
shift 4
mkdir -p /tmp/nested/bin && cd /tmp/nested || exit 3
/bin/busybox --install -s /tmp/nested/bin
export PATH=/tmp/nested/bin:$PATH

# A case is a function; what it prints is shown where it fails.
attempt() {
  local began status
  began=$(cut -d. -f1 /proc/uptime)
  "$@" > out 2>&1
  status=$?
  seconds=$(($(cut -d. -f1 /proc/uptime) - began))
  return $status
}

check() {
  local name=$1
  shift
  if attempt "$@"; then
    echo "nested: $name passed in $seconds s"
    return
  fi
  echo "  $name failed in $seconds s and is tried again:"
  tail -n 25 out | sed 's/^/  | /'
  if attempt "$@"; then
    echo "nested: $name passed in $seconds s, at the second attempt"
  else
    tail -n 40 out | sed 's/^/  | /'
    echo "nested: $name FAILED in $seconds s"
  fi
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
  grep -q "$words" inner || {
    echo "'$words' is not in it; the console ended with"
    tail -n 60 "$(sed -n 's/.*; console: //p' inner | tail -n 1)"
    return 1
  }
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

# The CPU spins above everything else: the guest says no more.
wedge() {
  inside 'did not end within' 124 --cpus 1 --include /usr/bin/chrt --timeout 20s -- /bin/busybox sh -c \
    'echo -1 > /proc/sys/kernel/sched_rt_runtime_us
     exec /usr/bin/chrt -f 99 /bin/busybox sh -c "while :; do :; done"'
}

# CPUs with APIC ids 0, 256, 512 and 768: interrupts go through our own IOAPIC.
wide_ids() {
  KTSTR_APIC_ID_GAP=8 shape "$newest" 1n4l1c1t
}

# Enters a kernel's image by a protocol that `ktstr test` has no need for; its init says that it ran.
entered() {
  local image="$HOME/.cache/ktstr/kernels/$1/$2"
  shift 2
  mkdir -p root/dev
  cp /bin/busybox root/busybox
  printf '%s\n' '#!/busybox sh' '/busybox mount -t devtmpfs dev /dev' \
    'echo "INIT of $(/busybox uname -r)" > /dev/ttyS0' '/busybox poweroff -f' > root/init
  chmod +x root/init
  (cd root && find . | cpio -o -H newc) > initramfs 2> /dev/null
  "$bootbench" "$image" initramfs 512 2 \
    "console=ttyS0 quiet panic=-1 reboot=k pci=off 8250.nr_uarts=1" "$@" > inner 2>&1 < /dev/null
  cat inner
  grep -q "INIT of $newest" inner
}

# Each vCPU has a real-time priority and one CPU of the host, and no two the same.
performance() {
  local found='' thread
  "$ktstr" test --engine kvm --perf --output results --kernel "$newest" "$scenarios/smoke.json" &
  local run=$!
  for _ in $(seq 100); do
    sleep 0.1
    for thread in /proc/[0-9]*/task/[0-9]*; do
      case $(cat "$thread/comm" 2> /dev/null) in vcpu[0-9]*) ;; *) continue ;; esac
      # Real-time priority and policy, the 40th and 41st fields behind the name.
      set -- $(sed 's/.*) //' "$thread/stat")
      found="$found ${38}/${39}@$(sed -n 's/Cpus_allowed_list:[[:space:]]*//p' "$thread/status")"
    done
    [ -z "$found" ] || break
  done
  wait $run || return 1
  echo "priority/policy@CPUs of the vCPUs:$found"
  case $found in *-*|*,*|"") return 1 ;; esac
  set -- $found
  for thread; do case $thread in 1/1@*) ;; *) return 1 ;; esac; done
  [ "$(printf '%s\n' "$@" | sort -u | wc -l)" = $# ]
}

# Guest memory is huge pages, though this kernel gives memory files none by itself.
huge_pages() {
  local kibibytes=0
  "$ktstr" test --engine kvm --huge-pages --output results --kernel "$newest" \
    "$scenarios/smoke.json" &
  local run=$!
  for _ in $(seq 100); do
    sleep 0.1
    kibibytes=$(cat /proc/[0-9]*/smaps 2> /dev/null | awk '
      / rw-s / { guest = /ktstr-guest/ } guest && /^ShmemPmdMapped/ { sum += $2 } END { print sum + 0 }')
    [ "$kibibytes" -lt 100000 ] || break
  done
  wait $run || return 1
  echo "$kibibytes KiB of guest memory are huge pages"
  [ "$kibibytes" -ge 100000 ]
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

for case in "$@"; do
  kernel=${case#*@}
  case $case in
    [0-9]*n[0-9]*@*) check "$case" shape "$kernel" "${case%@*}" ;;
    *@*) check "$case" scenario "$kernel" "$scenarios/${case%@*}.json" ;;
    panic) check "$case" panic ;;
    triple-fault) check "$case" triple_fault ;;
    wide-ids) check "$case" wide_ids ;;
    bzimage) check "$case" entered "$newest" vmlinuz ;;
    pvh) check "$case" entered "$newest" vmlinux pvh ;;
    perf) check "$case" performance ;;
    huge-pages) check "$case" huge_pages ;;
    wedge) check "$case" wedge ;;
    kill-booting) check "$case" killed 2 ;;
    kill-running) check "$case" killed 9 ;;
    *) echo "nested: $case FAILED, there is no such case" ;;
  esac
done
