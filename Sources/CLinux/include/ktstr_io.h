#pragma once

// Of linux/mman.h, newer than this system's headers may be; 5.14 and 6.1.
#define KTSTR_MADV_POPULATE_WRITE 23
#define KTSTR_MADV_COLLAPSE 25

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

// epoll and eventfd are not in Swift's Glibc module: the includes above bring them.

/// `memfd_create(2)`, hidden from Swift behind _GNU_SOURCE. Close-on-exec, sealing allowed.
/// Returns -1 and sets errno on error.
int ktstr_memfd_create(const char *_Nonnull name);

/// `fcntl(F_ADD_SEALS)` with "may not shrink": whoever maps the file then never meets SIGBUS.
/// The constants hide behind _GNU_SOURCE. Returns -1 and sets errno on error.
int ktstr_seal_shrink(int fd);

/// `pthread_setname_np`, hidden behind _GNU_SOURCE, for the calling thread. Longer names are cut
/// at the 15 bytes that the kernel keeps.
void ktstr_thread_set_name(const char *_Nonnull name);
