#define _GNU_SOURCE
#include "ktstr_uring.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ktstr_uring {
  struct io_uring ring;
};

// Operations of a ring are no system calls, so that no seccomp filter sees them. What this ring will
// never do is therefore taken from it for good: other operations than those below, other files than
// the registered one, and changes to what is registered.
static int restrict_to_disk(struct io_uring *ring) {
  struct io_uring_restriction allowed[6] = {
      {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READV},
      {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITEV},
      {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC},
      {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FALLOCATE},
      {.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_FIXED_FILE},
      {.opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE},
  };
  // Where waits have no time limit of their own (Linux 5.10), the library makes an operation of it.
  if ((ring->features & IORING_FEAT_EXT_ARG) == 0) {
    allowed[5] = (struct io_uring_restriction){
        .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_TIMEOUT};
  }
  // Raw calls: liburing 2.3 declares both functions, but its shared library has neither.
  if (syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_RESTRICTIONS, allowed, 6) < 0 ||
      syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0) {
    return -errno;
  }
  return 0;
}

int ktstr_uring_create(struct ktstr_uring **made, unsigned entries, int file, int event,
                       bool *setup) {
  struct ktstr_uring *new = calloc(1, sizeof *new);
  if (!new) return -ENOMEM;
  int code = io_uring_queue_init(entries, &new->ring, IORING_SETUP_R_DISABLED);
  // Linux before 5.10 has no restrictions.
  bool restricted = code != -EINVAL;
  if (!restricted) code = io_uring_queue_init(entries, &new->ring, 0);
  *setup = code != 0;
  if (code == 0) {
    code = io_uring_register_files(&new->ring, &file, 1);
    if (code == 0) code = io_uring_register_eventfd(&new->ring, event);
    if (code == 0 && restricted) code = restrict_to_disk(&new->ring);
    if (code != 0) io_uring_queue_exit(&new->ring);
  }
  if (code != 0) {
    free(new);
    return code;
  }
  *made = new;
  return 0;
}

void ktstr_uring_destroy(struct ktstr_uring *ring) {
  io_uring_queue_exit(&ring->ring);
  free(ring);
}

static bool finish(struct io_uring_sqe *entry, uint64_t token) {
  // The file is the one at index 0 of those registered.
  io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
  entry->user_data = token;
  return true;
}

bool ktstr_uring_transfer(struct ktstr_uring *ring, enum ktstr_uring_action action,
                          const void *buffers, unsigned count, uint64_t offset, int flags,
                          uint64_t token) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&ring->ring);
  if (!entry) return false;
  if (action == KTSTR_URING_READ)
    io_uring_prep_readv2(entry, 0, buffers, count, offset, flags);
  else
    io_uring_prep_writev2(entry, 0, buffers, count, offset, flags);
  return finish(entry, token);
}

bool ktstr_uring_manage(struct ktstr_uring *ring, enum ktstr_uring_action action, int mode,
                        uint64_t offset, uint64_t length, uint64_t token) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&ring->ring);
  if (!entry) return false;
  if (action == KTSTR_URING_SYNC_DATA)
    io_uring_prep_fsync(entry, 0, IORING_FSYNC_DATASYNC);
  else
    io_uring_prep_fallocate(entry, 0, mode, (off_t)offset, (off_t)length);
  return finish(entry, token);
}

int ktstr_uring_submit(struct ktstr_uring *ring) { return io_uring_submit(&ring->ring); }

bool ktstr_uring_next(struct ktstr_uring *ring, uint64_t *token, int *result) {
  struct io_uring_cqe *entry;
  if (io_uring_peek_cqe(&ring->ring, &entry) != 0) return false;
  *token = entry->user_data;
  *result = entry->res;
  io_uring_cqe_seen(&ring->ring, entry);
  return true;
}

int ktstr_uring_wait(struct ktstr_uring *ring, uint64_t nanoseconds) {
  struct __kernel_timespec time = {
      .tv_sec = (int64_t)(nanoseconds / 1000000000),
      .tv_nsec = (int64_t)(nanoseconds % 1000000000),
  };
  struct io_uring_cqe *entry;
  return io_uring_wait_cqe_timeout(&ring->ring, &entry, &time);
}

void ktstr_uring_announce(struct ktstr_uring *ring, bool enabled) {
  io_uring_cq_eventfd_toggle(&ring->ring, enabled);
  // The kernel adds a completion and then reads the flag; we write the flag and then look for
  // completions. With both in order, one side sees the other.
  __sync_synchronize();
}
