#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What a task asks of the scheduler; see `struct sched_attr` in sched_setattr(2).
struct guest_policy {
  /// `SCHED_*` of linux/sched.h.
  uint32_t number;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime_ns;
  uint64_t deadline_ns;
  uint64_t period_ns;
};

/// `sched_setattr(2)` for the calling thread. Returns 0 or a negative errno.
int guest_set_policy(const struct guest_policy *_Nonnull policy);
/// The same for another thread.
int guest_set_policy_of(pid_t thread, const struct guest_policy *_Nonnull policy);
/// `setpriority(2)` for the calling thread.
int guest_set_nice(int nice);
/// `sched_setaffinity(2)` for the calling thread, with CPU 0 as bit 0 of the first word.
int guest_set_affinity(const uint64_t *_Nonnull words, size_t count);
/// The same for another thread.
int guest_set_affinity_of(pid_t thread, const uint64_t *_Nonnull words, size_t count);
/// `sched_getaffinity(2)` of the calling thread. Returns the number of words or a negative errno.
int guest_affinity(uint64_t *_Nonnull words, size_t count);

/// What a thread used so far.
struct guest_usage {
  uint64_t cpu_ns;
  uint64_t voluntary_switches;
  uint64_t involuntary_switches;
  uint64_t minor_faults;
};
/// CPU time of the calling thread in nanoseconds.
uint64_t guest_thread_cpu(void);
/// `getrusage(2)` of the calling thread, with the CPU time to the nanosecond.
void guest_thread_usage(struct guest_usage *_Nonnull usage);
/// `gettid(2)`.
pid_t guest_thread_id(void);

/// Has the calling thread's timers fire when they should; the kernel lets those of ordinary tasks
/// be 50 us late otherwise.
void guest_exact_timers(void);

/// Starts a detached thread on a stack of its own. Returns 0 or a negative errno.
int guest_start_thread(void (*_Nonnull body)(void *_Nonnull), void *_Nonnull context);
/// Ends the calling thread and no other.
_Noreturn void guest_thread_exit(void);
/// Lets this process have as many descriptors as the kernel allows.
void guest_raise_file_limit(void);
/// Forks a child that ends at once, and waits for it. Returns 0 or a negative errno.
int guest_fork_and_wait(void);

/// Makes SIGUSR1 count what the calling thread is sent.
void guest_count_signals(void);
/// Signals that the calling thread has handled.
uint64_t guest_signals_handled(void);
/// Sends SIGUSR1 to a thread.
int guest_signal_thread(pid_t process, pid_t thread);
