#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Starts a program as the leader of a session of its own, with these descriptors as its standard
/// ones, and SIGPIPE and all other signals as they are by default. In C for what must happen
/// between fork and exec. Returns the pid, or a negative errno, also when the exec failed.
pid_t guest_start_program(
    const char *_Nonnull path, char *_Nullable const *_Nonnull arguments,
    char *_Nullable const *_Nonnull environment, const char *_Nonnull directory, int input,
    int output, int error);

/// A descriptor that is readable when a child has ended.
int guest_child_descriptor(void);
/// Takes what a descriptor of `guest_child_descriptor` has to say.
void guest_child_descriptor_drain(int fd);

/// Makes reads and writes of a descriptor return at once.
int guest_set_nonblocking(int fd);
/// `symlink(2)`.
int guest_symlink(const char *_Nonnull target, const char *_Nonnull path);

/// A descriptor to wait for; one that is negative, or of which nothing is wanted, is skipped.
struct guest_wait {
  int fd;
  /// What is wanted, and then what was found, as flags of `guest_poll`.
  int wanted;
  int found;
};
/// Waits for one of several descriptors, or the time. Returns 0 or a negative errno.
int guest_poll_many(struct guest_wait *_Nonnull waits, size_t count, int64_t timeout_ns);
