#define _GNU_SOURCE
#include "ktstr_futex.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void ktstr_futex_wait(const uint32_t *word, uint32_t expected, uint64_t timeout_nanoseconds) {
  struct timespec timeout = {
      .tv_sec = (time_t)(timeout_nanoseconds / 1000000000u),
      .tv_nsec = (long)(timeout_nanoseconds % 1000000000u),
  };
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &timeout, NULL, 0);
}

void ktstr_futex_wake(const uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
