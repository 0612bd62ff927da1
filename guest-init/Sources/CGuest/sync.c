#define _GNU_SOURCE
#include "guest_sync.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

uint32_t guest_cpu(void) {
  int cpu = sched_getcpu();
  return cpu < 0 ? 0 : (uint32_t)cpu;
}

void guest_yield(void) { sched_yield(); }

void guest_sleep(uint64_t nanoseconds) {
  struct timespec left = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
  }
}

static void *map(size_t size, int flags) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void *guest_map_shared(size_t size) { return map(size, MAP_SHARED | MAP_POPULATE); }

void *guest_map_private(size_t size) { return map(size, MAP_PRIVATE | MAP_POPULATE); }

void guest_unmap(void *memory, size_t size) { munmap(memory, size); }

void guest_futex_wait(const void *word, uint32_t expected, uint64_t deadline_ns) {
  struct timespec deadline = {
      (time_t)(deadline_ns / 1000000000u), (long)(deadline_ns % 1000000000u)};
  // WAIT_BITSET, because its deadline is absolute.
  syscall(
      SYS_futex, word, FUTEX_WAIT_BITSET, expected, &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
}

void guest_futex_wake(const void *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}
