#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// How a child ended and what it used.
struct guest_ended {
  pid_t pid;
  /// The exit code, or -1 when a signal ended it.
  int exit_code;
  /// The signal that ended it, or 0.
  int signal;
  uint64_t cpu_ns;
  uint64_t voluntary_switches;
  uint64_t involuntary_switches;
};

/// `getpid(2)`.
pid_t guest_pid(void);
/// `fork(2)`.
pid_t guest_fork(void);
/// `_exit(2)`.
_Noreturn void guest_exit(int code);
/// `kill(2)` with SIGKILL.
int guest_kill(pid_t pid);
/// A child that has ended and is not yet reaped, or 0; the child stays as it is.
pid_t guest_ended_child(void);
/// `wait4(2)` for one child without waiting. Returns 1, 0 while it runs, or a negative errno.
int guest_reap(pid_t pid, struct guest_ended *_Nonnull ended);

/// Keeps SIGCHLD for `guest_wait_for_child` and ignores what a terminal can send.
void guest_init_signals(void);
/// Undoes what init did to its signals, in a child. SIGPIPE is ignored there: writes tell.
void guest_child_signals(void);
/// Sleeps until a child ends or the time is over.
void guest_wait_for_child(int64_t timeout_ns);
/// The same, unless a child's end was waited for elsewhere since the last call. Returns whether a
/// child may have ended since then: to ask the kernel takes a look at each child.
int guest_hear_of_child(int64_t timeout_ns);

/// Puts the caller in front of every fair task, but none of its children. Returns negative errno.
int guest_raise_priority(void);
/// Names the calling process; the kernel keeps 15 bytes.
void guest_set_name(const char *_Nonnull name);
/// CPU time of a process in nanoseconds, or a negative errno.
int64_t guest_cpu_time(pid_t pid);
/// The kernel's release as `uname -r` says it; `capacity` bytes at most, with a final zero.
void guest_release(char *_Nonnull buffer, size_t capacity);

/// Ways to stop the machine.
enum { guest_power_off, guest_power_reboot };
/// `reboot(2)`; returns only when the kernel refused, with a negative errno.
int guest_power(int way);
