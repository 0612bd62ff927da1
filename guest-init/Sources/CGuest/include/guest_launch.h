#pragma once

#include <stddef.h>
#include <sys/types.h>

/// Starts a program as the leader of a session and a process group of its own, with `/dev/null` to
/// read from, and does not wait until it runs: under a broken scheduler it may never. It joins the
/// cgroup whose `cgroup.procs` is named. What keeps it from running it says on `error`, and exits
/// with 127, or 126 when it is not allowed. Returns the pid or a negative errno.
pid_t guest_launch_program(
    const char *_Nonnull path, char *_Nullable const *_Nonnull arguments,
    char *_Nullable const *_Nonnull environment, const char *_Nonnull directory,
    const char *_Nullable cgroup_procs, int output, int error);

/// Signals that `guest_signal_group` sends.
enum { guest_signal_terminate, guest_signal_kill };
/// `kill(2)` for the process group that a launched program leads. Returns 0 or a negative errno.
int guest_signal_group(pid_t leader, int signal);

/// Has a pipe hold as much as it may, so that its writer seldom waits.
void guest_enlarge_pipe(int fd);
