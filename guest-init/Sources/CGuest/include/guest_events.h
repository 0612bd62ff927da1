#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Sleeps until a `CLOCK_MONOTONIC` moment; a signal ends it early.
void guest_sleep_until(uint64_t deadline_ns);

/// Takes a lock in shared memory: 0 is free. With `inherits` it lends the waiter's priority to its
/// holder. Returns 0, or a negative errno (-ETIMEDOUT when the moment came first).
int guest_lock(void *_Nonnull word, int inherits, uint64_t deadline_ns);
/// Gives it back. Returns 0 or a negative errno.
int guest_unlock(void *_Nonnull word, int inherits);

/// A pipe whose ends never wait, close-on-exec.
int guest_nonblocking_pipe(int *_Nonnull ends);
/// `epoll_create1(2)`.
int guest_epoll(void);
/// Watches a descriptor for something to read, with EPOLLEXCLUSIVE; `number` comes back.
int guest_epoll_add(int epoll, int fd, uint32_t number);
/// Waits for one event, some milliseconds at most. Returns its number, -ETIME without one, or
/// another negative errno.
int guest_epoll_wait(int epoll, int milliseconds);

/// Memory that is given when it is first touched; shared with children or not. Nil when there is
/// none.
void *_Nullable guest_map_lazy(size_t size, int shared);
/// Gives pages back; the next touch brings fresh ones.
int guest_discard(void *_Nonnull memory, size_t size);
/// Binds memory to a NUMA node and moves what is there (`mbind(2)`).
int guest_bind_memory(void *_Nonnull memory, size_t size, uint32_t node);
