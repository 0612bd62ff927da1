#define _GNU_SOURCE
#include "ktstr_block.h"

#include <fcntl.h>
#include <sys/uio.h>

ssize_t ktstr_pwritev2(int fd, const void *buffers, int count, off_t offset, int flags) {
  return pwritev2(fd, buffers, count, offset, flags);
}

int ktstr_fallocate(int fd, int mode, off_t offset, off_t length) {
  return fallocate(fd, mode, offset, length);
}

const int ktstr_rwf_dsync = RWF_DSYNC;
const int ktstr_punch_hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
const int ktstr_zero_range = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
