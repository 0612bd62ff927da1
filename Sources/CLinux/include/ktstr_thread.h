#pragma once

#include <pthread.h>
#include <stddef.h>

/// `pthread_setaffinity_np` for these CPU numbers; `cpu_set_t` is macros, hidden behind _GNU_SOURCE.
/// Returns 0 or an errno value; EINVAL too for a number beyond what the kernel can have.
int ktstr_thread_pin(pthread_t thread, const unsigned *_Nonnull cpus, size_t count);

/// The CPUs that the calling thread may run on, ascending, the first `count` of them put into `cpus`.
/// Returns how many there are, or -1 with errno set.
int ktstr_allowed_cpus(unsigned *_Nonnull cpus, size_t count);

/// Makes a real-time signal do nothing but interrupt what its thread waits in: an empty handler,
/// without SA_RESTART. Returns the signal's number, or -1 with errno set.
int ktstr_kick_signal_prepare(void);
