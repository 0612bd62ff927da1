#!/bin/busybox sh
# Boots the same kernel on our own engine and on QEMU's, by turns; `make bench-boot` starts it in a
# guest of the software CPU, docs/kvm.md explains. The guest's init says how long its kernel has run.
#
#   bench-boot.sh BOOTBENCH KERNEL INITRAMFS ROUNDS
set -u
bench=$1 kernel=$2 initramfs=$3 rounds=$4
mkdir -p /tmp/bench && cd /tmp/bench || exit 3
line="console=ttyS0 quiet panic=-1 reboot=k nokaslr mitigations=off random.trust_cpu=on i8042.noaux 8250.nr_uarts=1"

now() { cut -d' ' -f1 /proc/uptime; }

# One boot: its name, then how to do it; "NAME CPUS KERNEL_SECONDS WALL_SECONDS".
boot() {
  local name=$1 cpus=$2 began init
  shift 2
  began=$(now)
  /bin/busybox timeout 120 "$@" > out 2>&1 < /dev/null
  init=$(sed -n 's/.*INIT \([0-9.]*\).*/\1/p' out | head -n 1)
  echo "bench: $name $cpus ${init:-none} $(awk "BEGIN { print $(now) - $began }")"
  [ -n "$init" ] || grep -v "^ktstr" out | head -n 12
}

qemu() {
  local machine=$1 cpus=$2
  boot "qemu-$machine" "$cpus" qemu-system-x86_64 -M "$machine" -accel kvm -cpu host -smp "$cpus" \
    -m 256 -nodefaults -no-user-config -no-reboot -display none -serial stdio -kernel "$kernel" \
    -initrd "$initramfs" -append "$line"
}

ours() {
  boot ktstr "$1" "$bench" "$kernel" "$initramfs" 256 "$1" "$line pci=off"
  grep '^ktstr' out > "exits.$1"
}

/bin/busybox --install -s /tmp/bench
export PATH=/tmp/bench:$PATH
for round in $(seq "$rounds"); do
  for cpus in 1 2; do
    ours $cpus
    qemu q35 $cpus
    qemu pc $cpus
    qemu microvm $cpus
  done
done
cat exits.1
