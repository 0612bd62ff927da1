// io_uring through liburing, for one registered file. The library's own header does not agree with
// those of other modules about system types, so Swift sees only this one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// The queues shared with the kernel.
struct ktstr_uring;

/// What an operation does.
enum ktstr_uring_action {
  KTSTR_URING_READ,
  KTSTR_URING_WRITE,
  KTSTR_URING_SYNC_DATA,
  KTSTR_URING_ALLOCATE,
};

/// Sets up queues with `file` registered and `event` signalled for completions, which from Linux 5.10
/// on can do nothing but the actions above, with that file. Returns zero, or
/// minus an errno; `setup` tells whether it was setting up (not registering) that failed.
int ktstr_uring_create(struct ktstr_uring *_Nullable *_Nonnull made, unsigned entries, int file,
                       int event, bool *_Nonnull setup);

/// Gives the queues up.
void ktstr_uring_destroy(struct ktstr_uring *_Nonnull ring);

/// Prepares a read or write of `struct iovec` buffers (whoever names that type in a header owns it
/// for Swift); false when there is no room. `flags` as for pwritev2.
bool ktstr_uring_transfer(struct ktstr_uring *_Nonnull ring, enum ktstr_uring_action action,
                          const void *_Nonnull buffers, unsigned count, uint64_t offset,
                          int flags, uint64_t token);

/// Prepares fdatasync or fallocate; false when there is no room.
bool ktstr_uring_manage(struct ktstr_uring *_Nonnull ring, enum ktstr_uring_action action, int mode,
                        uint64_t offset, uint64_t length, uint64_t token);

/// Hands over what was prepared; the count that the kernel took, or minus an errno.
int ktstr_uring_submit(struct ktstr_uring *_Nonnull ring);

/// Takes a completion; false when there is none.
bool ktstr_uring_next(struct ktstr_uring *_Nonnull ring, uint64_t *_Nonnull token,
                      int *_Nonnull result);

/// Waits for a completion, without taking it; zero, or minus an errno (ETIME).
int ktstr_uring_wait(struct ktstr_uring *_Nonnull ring, uint64_t nanoseconds);

/// Switches signals of the event descriptor on or off.
void ktstr_uring_announce(struct ktstr_uring *_Nonnull ring, bool enabled);
