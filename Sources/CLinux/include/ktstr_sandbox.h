#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/kvm.h>
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

// The requests that threads of a running machine make of KVM, as a filter compares them.
static const uint32_t KTSTR_REQUEST_RUN = KVM_RUN;
static const uint32_t KTSTR_REQUEST_GET_REGS = KVM_GET_REGS;
static const uint32_t KTSTR_REQUEST_GET_SREGS = KVM_GET_SREGS;
static const uint32_t KTSTR_REQUEST_GET_SREGS2 = KVM_GET_SREGS2;
static const uint32_t KTSTR_REQUEST_GET_FPU = KVM_GET_FPU;
static const uint32_t KTSTR_REQUEST_GET_XSAVE = KVM_GET_XSAVE;
static const uint32_t KTSTR_REQUEST_GET_XSAVE2 = KVM_GET_XSAVE2;
static const uint32_t KTSTR_REQUEST_GET_XCRS = KVM_GET_XCRS;
static const uint32_t KTSTR_REQUEST_GET_DEBUGREGS = KVM_GET_DEBUGREGS;
static const uint32_t KTSTR_REQUEST_GET_VCPU_EVENTS = KVM_GET_VCPU_EVENTS;
static const uint32_t KTSTR_REQUEST_GET_MSRS = KVM_GET_MSRS;
static const uint32_t KTSTR_REQUEST_GET_LAPIC = KVM_GET_LAPIC;
static const uint32_t KTSTR_REQUEST_GET_MP_STATE = KVM_GET_MP_STATE;
static const uint32_t KTSTR_REQUEST_TRANSLATE = KVM_TRANSLATE;
static const uint32_t KTSTR_REQUEST_KVMCLOCK_CTRL = KVM_KVMCLOCK_CTRL;
static const uint32_t KTSTR_REQUEST_NMI = KVM_NMI;
static const uint32_t KTSTR_REQUEST_IRQ_LINE = KVM_IRQ_LINE;
static const uint32_t KTSTR_REQUEST_SIGNAL_MSI = KVM_SIGNAL_MSI;
static const uint32_t KTSTR_REQUEST_SET_GSI_ROUTING = KVM_SET_GSI_ROUTING;
static const uint32_t KTSTR_REQUEST_GET_CLOCK = KVM_GET_CLOCK;
static const uint32_t KTSTR_REQUEST_SET_CLOCK = KVM_SET_CLOCK;
static const uint32_t KTSTR_REQUEST_GET_IRQCHIP = KVM_GET_IRQCHIP;
static const uint32_t KTSTR_REQUEST_GET_PIT2 = KVM_GET_PIT2;

/// The calling thread's id (`gettid(2)`), hidden behind _GNU_SOURCE.
int ktstr_thread_id(void);
