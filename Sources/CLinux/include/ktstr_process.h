#pragma once

#include <signal.h>
#include <sys/types.h>

/// One descriptor handed to a child: `parent_fd` here becomes `child_fd` there.
struct ktstr_fd_mapping {
  int parent_fd;
  int child_fd;
};

/// Forks and executes `path`. In C because only async-signal-safe calls may run between fork and
/// exec, and Swift's runtime makes no such promise.
///
/// The child gets `/dev/null` on each standard descriptor that `mappings` does not name, no other
/// inherited descriptor, default signal handlers, an empty signal mask, its own process group when
/// `own_process_group` is set, and `parent_death_signal` when the thread that called this ends.
///
/// Returns 0 and stores the pid, or the errno of the step that failed (of exec too, reported
/// through a close-on-exec pipe).
int ktstr_spawn(
    const char *_Nonnull path, char *_Nullable const *_Nonnull argv,
    char *_Nullable const *_Nonnull envp, const struct ktstr_fd_mapping *_Nullable mappings,
    size_t mapping_count, int parent_death_signal, int own_process_group,
    const char *_Nullable working_directory, pid_t *_Nonnull pid_out);

/// `pidfd_open(2)`; glibc 2.36 declares it, older ones do not. Returns -1 and sets errno on error.
int ktstr_pidfd_open(pid_t pid);

/// `pidfd_send_signal(2)` without a siginfo. Returns -1 and sets errno on error.
int ktstr_pidfd_send_signal(int pidfd, int signal);

/// A non-blocking, close-on-exec `signalfd(2)` for this set; glibc's header is not in Swift's module
/// map. Returns -1 and sets errno on error.
int ktstr_signalfd(const sigset_t *_Nonnull set);

/// The next signal of such a descriptor, or 0 when none is pending.
int ktstr_signalfd_next(int fd);
