#define _GNU_SOURCE
#include "ktstr_io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

int ktstr_memfd_create(const char *name) {
  return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

int ktstr_seal_shrink(int fd) { return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK); }

void ktstr_thread_set_name(const char *name) {
  char cut[16] = {0};
  strncpy(cut, name, sizeof cut - 1);
  pthread_setname_np(pthread_self(), cut);
}

int ktstr_thread_join_until(pthread_t thread, uint64_t monotonic_nanoseconds) {
  struct timespec deadline = {
      .tv_sec = (time_t)(monotonic_nanoseconds / 1000000000u),
      .tv_nsec = (long)(monotonic_nanoseconds % 1000000000u),
  };
  return pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &deadline);
}
