#pragma once

#include <sys/timerfd.h>
#include <sys/types.h>

// timerfd is not in Swift's Glibc module: the include above brings it.

/// `pwritev2(2)` of `struct iovec` buffers, hidden from Swift behind _GNU_SOURCE. Returns -1 and sets errno on error.
ssize_t ktstr_pwritev2(int fd, const void *_Nonnull buffers, int count, off_t offset,
                       int flags);

/// `fallocate(2)`, hidden from Swift behind _GNU_SOURCE. Returns -1 and sets errno on error.
int ktstr_fallocate(int fd, int mode, off_t offset, off_t length);

/// Makes one write stable before it is done, as with O_DSYNC. C name: `RWF_DSYNC`.
extern const int ktstr_rwf_dsync;
/// `FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE`: the range reads as zero and takes no room.
extern const int ktstr_punch_hole;
/// `FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE`: the range reads as zero and keeps its room.
extern const int ktstr_zero_range;
