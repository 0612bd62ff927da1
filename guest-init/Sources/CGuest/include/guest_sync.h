#pragma once

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/// `CLOCK_MONOTONIC` in nanoseconds. Inline: workers read it at each checkpoint.
static inline uint64_t guest_monotonic(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/// `CLOCK_REALTIME` in nanoseconds.
static inline uint64_t guest_realtime(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/// The CPU that the caller runs on; no system call, glibc reads its rseq area or the vDSO.
uint32_t guest_cpu(void);
/// Gives the CPU away.
void guest_yield(void);
/// Sleeps for a time.
void guest_sleep(uint64_t nanoseconds);
/// Memory, zeroed, that children of fork share. Nil when there is none.
void *_Nullable guest_map_shared(size_t size);
/// Memory of the caller's own, zeroed and page-aligned. Nil when there is none.
void *_Nullable guest_map_private(size_t size);
/// Takes memory that was mapped out of the caller's address space.
void guest_unmap(void *_Nonnull memory, size_t size);
/// Waits until the word changes, a wake-up or the `CLOCK_MONOTONIC` deadline.
void guest_futex_wait(const void *_Nonnull word, uint32_t expected, uint64_t deadline_ns);
/// Wakes up to `count` waiters.
void guest_futex_wake(const void *_Nonnull word, int count);
