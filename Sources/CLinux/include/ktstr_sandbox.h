#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>

// What a process gives up for good. Raw system calls: glibc has no wrappers for most of them, and
// Swift cannot call the variadic ones.

/// `prctl(2)` with two arguments and zeroes. Returns -1 and sets errno on error.
int ktstr_prctl(int option, unsigned long second, unsigned long third);

/// Gives up the calling thread's permitted, effective and inheritable capabilities (`capset(2)`).
/// Returns -1 and sets errno on error.
int ktstr_capabilities_clear(void);

/// The calling thread's effective and permitted capabilities (`capget(2)`), one bit each. Returns -1
/// and sets errno on error.
int ktstr_capabilities_held(uint64_t *_Nonnull held);

/// `setrlimit(2)` and `getrlimit(2)`, whose resource is an enum that C++ and Swift import unlike.
/// Both return -1 and set errno on error.
int ktstr_limit_set(int resource, uint64_t soft, uint64_t hard);
int ktstr_limit_get(int resource, uint64_t *_Nonnull soft, uint64_t *_Nonnull hard);

/// The exit status of a process that made a system call its filter refuses.
enum { ktstr_refused_status = 159 };

/// Takes over SIGSYS: a call that a filter traps is told in one line on `report_fd`, with thread,
/// role, name, number and arguments, and the process exits with `ktstr_refused_status`. In C because
/// it runs in a signal handler. Returns -1 and sets errno on error.
int ktstr_refusals_report(int report_fd);

/// Binds the calling thread, and those that it starts, to a filter (`seccomp(2)`). `role` is what a
/// refusal calls it; the first 31 bytes are kept. SIGSYS is unblocked first, because the kernel does
/// not run a handler for a blocked one. Returns -1 and sets errno on error.
int ktstr_filter_install(
    const char *_Nonnull role, const struct sock_filter *_Nonnull code, unsigned short count);

/// The name of a system call of x86-64, or NULL for a number that Linux 6.1 did not have.
const char *_Nullable ktstr_syscall_name(uint32_t number);

/// `struct landlock_ruleset_attr` of ABI 6 (linux/landlock.h). An older kernel takes it as long as
/// what it does not know is zero.
struct ktstr_landlock_ruleset {
  uint64_t handled_files;
  uint64_t handled_network;
  uint64_t scoped;
};

/// The Landlock ABI of this kernel, at least 1. Returns -1 and sets errno: ENOSYS where it was not
/// built, EOPNOTSUPP where it was not enabled at boot.
int ktstr_landlock_abi(void);

/// `landlock_create_ruleset(2)`: a close-on-exec descriptor. Returns -1 and sets errno on error.
int ktstr_landlock_create(const struct ktstr_landlock_ruleset *_Nonnull ruleset);

/// `landlock_add_rule(2)` for what is at or beneath the file `beneath`. Returns -1 and sets errno on
/// error.
int ktstr_landlock_allow(int ruleset, int beneath, uint64_t access);

/// `landlock_restrict_self(2)`, for the calling thread and those that it starts. Returns -1 and sets
/// errno on error.
int ktstr_landlock_restrict(int ruleset);

/// Opens a path only to name it (O_PATH, close-on-exec), which hides behind _GNU_SOURCE. Returns -1
/// and sets errno on error.
int ktstr_open_path(const char *_Nonnull path);
