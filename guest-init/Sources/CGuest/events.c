#define _GNU_SOURCE
#include "guest_events.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "guest_sched.h"

// Linux 5.14; older headers lack it.
enum { lock_pi2 = 13 };

static struct timespec moment(uint64_t nanoseconds) {
  return (struct timespec){(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
}

void guest_sleep_until(uint64_t deadline_ns) {
  struct timespec deadline = moment(deadline_ns);
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
}

static int lock_inheriting(uint32_t *word, uint64_t deadline_ns) {
  uint32_t none = 0;
  uint32_t self = (uint32_t)guest_thread_id();
  if (__atomic_compare_exchange_n(word, &none, self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
    return 0;
  }
  struct timespec deadline = moment(deadline_ns);
  for (;;) {
    if (syscall(SYS_futex, word, lock_pi2, 0, &deadline, NULL, 0) == 0) return 0;
    if (errno != EINTR && errno != EAGAIN) return -errno;
  }
}

int guest_lock(void *memory, int inherits, uint64_t deadline_ns) {
  uint32_t *word = memory;
  if (inherits) return lock_inheriting(word, deadline_ns);
  // 1 is taken, 2 taken with waiters (Drepper, "Futexes Are Tricky").
  uint32_t seen = 0;
  if (__atomic_compare_exchange_n(word, &seen, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return 0;
  struct timespec deadline = moment(deadline_ns);
  while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0) {
    long result = syscall(
        SYS_futex, word, FUTEX_WAIT_BITSET, 2, &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
    if (result < 0 && errno == ETIMEDOUT) return -ETIMEDOUT;
  }
  return 0;
}

int guest_unlock(void *memory, int inherits) {
  uint32_t *word = memory;
  if (!inherits) {
    if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2) {
      syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
    return 0;
  }
  uint32_t self = (uint32_t)guest_thread_id();
  if (__atomic_compare_exchange_n(word, &self, 0, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return 0;
  return syscall(SYS_futex, word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) < 0 ? -errno : 0;
}

int guest_nonblocking_pipe(int *ends) {
  return pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

int guest_epoll(void) {
  int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int guest_epoll_add(int epoll, int fd, uint32_t number) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u32 = number};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int guest_epoll_wait(int epoll, int milliseconds) {
  struct epoll_event event;
  int count = epoll_wait(epoll, &event, 1, milliseconds);
  if (count < 0) return errno == EINTR ? -ETIME : -errno;
  return count == 0 ? -ETIME : (int)event.data.u32;
}

void *guest_map_lazy(size_t size, int shared) {
  int flags = (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_NORESERVE;
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

int guest_discard(void *memory, size_t size) {
  return madvise(memory, size, MADV_DONTNEED) < 0 ? -errno : 0;
}

int guest_bind_memory(void *memory, size_t size, uint32_t node) {
  // MPOL_BIND and MPOL_MF_MOVE of linux/mempolicy.h. The kernel looks at one bit less than told.
  unsigned long nodes[4] = {0};
  if (node >= 8 * sizeof nodes) return -EINVAL;
  nodes[node / 64] = 1ul << node % 64;
  return syscall(SYS_mbind, memory, size, 2, nodes, 8 * sizeof nodes + 1, 2) < 0 ? -errno : 0;
}
