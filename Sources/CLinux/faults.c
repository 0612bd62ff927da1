#define _GNU_SOURCE
#include "ktstr_faults.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if !defined(__x86_64__)
#error "the instructions that may fault are written for x86-64"
#endif

// The sanitizers' own calls have no place in a handler that may run at any instruction.
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define HANDLER __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef HANDLER
#define HANDLER
#endif

// System V AMD64: arguments in RDI, RSI, RDX; two words are returned in RAX and RDX. A string
// instruction that faults leaves in RCX how many bytes are left, and has moved all before them
// (Intel SDM volume 1, 7.3.9.3), so that the repair is to leave through the end with what RCX says.
// The direction flag is clear, as the ABI has it.
__asm__(
    ".text\n"
    ".p2align 4\n"
    ".globl ktstr_try_copy\n.hidden ktstr_try_copy\n.type ktstr_try_copy, @function\n"
    "ktstr_try_copy:\n.cfi_startproc\n"
    "  mov %rdx, %rcx\n"
    "  xor %edx, %edx\n"
    "ktstr_copy_access:\n"
    "  rep movsb\n"
    "  mov %rcx, %rax\n"
    "  ret\n"
    ".cfi_endproc\n.size ktstr_try_copy, . - ktstr_try_copy\n"

    ".globl ktstr_try_fill\n.hidden ktstr_try_fill\n.type ktstr_try_fill, @function\n"
    "ktstr_try_fill:\n.cfi_startproc\n"
    "  mov %rdx, %rcx\n"
    "  mov %esi, %eax\n"
    "  xor %edx, %edx\n"
    "ktstr_fill_access:\n"
    "  rep stosb\n"
    "ktstr_string_repair:\n"
    "  mov %rcx, %rax\n"
    "  ret\n"
    ".cfi_endproc\n.size ktstr_try_fill, . - ktstr_try_fill\n"

#define LOAD(size, instruction)                                                            \
  ".globl ktstr_try_load" size "\n.hidden ktstr_try_load" size                             \
  "\n.type ktstr_try_load" size ", @function\nktstr_try_load" size ":\n.cfi_startproc\n" \
  "  " instruction "\n  xor %edx, %edx\n  ret\n"                                          \
  ".cfi_endproc\n.size ktstr_try_load" size ", . - ktstr_try_load" size "\n"
#define STORE(size, instruction)                                                             \
  ".globl ktstr_try_store" size "\n.hidden ktstr_try_store" size                             \
  "\n.type ktstr_try_store" size ", @function\nktstr_try_store" size ":\n.cfi_startproc\n" \
  "  " instruction "\n  xor %eax, %eax\n  ret\n"                                            \
  ".cfi_endproc\n.size ktstr_try_store" size ", . - ktstr_try_store" size "\n"

    "ktstr_word_access:\n"
    LOAD("1", "movzbl (%rdi), %eax")
    LOAD("2", "movzwl (%rdi), %eax")
    LOAD("4", "movl (%rdi), %eax")
    LOAD("8", "movq (%rdi), %rax")
    STORE("1", "movb %sil, (%rdi)")
    STORE("2", "movw %si, (%rdi)")
    STORE("4", "movl %esi, (%rdi)")
    STORE("8", "movq %rsi, (%rdi)")
    "ktstr_word_access_end:\n"
    // A load says so in RDX, a store in EAX.
    "ktstr_word_repair:\n"
    "  mov $1, %eax\n"
    "  mov $1, %edx\n"
    "  ret\n");

extern const char ktstr_copy_access[], ktstr_fill_access[], ktstr_string_repair[];
extern const char ktstr_word_access[], ktstr_word_access_end[], ktstr_word_repair[];

// One guarded mapping. Its owner alone writes all but `lost`; an odd `version` means that it is
// about to change, which is before anybody may touch the mapping or after everybody has ended to.
struct guard {
  _Atomic int taken;
  _Atomic unsigned version;
  _Atomic uintptr_t start;
  _Atomic uintptr_t end;
  _Atomic size_t page_size;
  _Atomic uint64_t lost;
};

static struct guard guards[ktstr_guard_limit];
static _Atomic int guards_used;  // No slot from here on was ever taken.

static struct sigaction previous_bus, previous_segv;

static HANDLER int repair_access(siginfo_t *info, ucontext_t *context) {
  greg_t *registers = context->uc_mcontext.gregs;
  uintptr_t instruction = (uintptr_t)registers[REG_RIP];
  if (instruction == (uintptr_t)ktstr_copy_access || instruction == (uintptr_t)ktstr_fill_access) {
    registers[REG_RIP] = (greg_t)ktstr_string_repair;
    registers[REG_RDX] = (greg_t)info->si_addr;
    return 1;
  }
  if (instruction >= (uintptr_t)ktstr_word_access &&
      instruction < (uintptr_t)ktstr_word_access_end) {
    registers[REG_RIP] = (greg_t)ktstr_word_repair;
    return 1;
  }
  return 0;
}

static HANDLER int map_zeroes(uintptr_t start, size_t count) {
  return (uintptr_t)syscall(
             SYS_mmap, start, count, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == start;
}

static HANDLER int replace_page(uintptr_t address) {
  int used = atomic_load_explicit(&guards_used, memory_order_acquire);
  for (int slot = 0; slot < used; slot++) {
    struct guard *guard = &guards[slot];
    unsigned version = atomic_load_explicit(&guard->version, memory_order_acquire);
    uintptr_t start = atomic_load_explicit(&guard->start, memory_order_relaxed);
    uintptr_t end = atomic_load_explicit(&guard->end, memory_order_relaxed);
    size_t page_size = atomic_load_explicit(&guard->page_size, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    if ((version & 1) != 0 || address < start || address >= end) continue;
    if (atomic_load_explicit(&guard->version, memory_order_relaxed) != version) continue;
    uintptr_t page = address & ~(page_size - 1);
    // Where the process may have no more mappings, one for all that is left replaces as many as a
    // peer can make it need: what a file lost, it lost up to its end.
    if (!map_zeroes(page, page_size) && !map_zeroes(page, end - page)) return 0;
    atomic_fetch_add_explicit(&guard->lost, 1, memory_order_release);
    return 1;
  }
  return 0;
}

static HANDLER void pass_on(int number, siginfo_t *info, void *context) {
  const struct sigaction *previous = number == SIGBUS ? &previous_bus : &previous_segv;
  if ((previous->sa_flags & SA_SIGINFO) != 0) {
    previous->sa_sigaction(number, info, context);
  } else if (previous->sa_handler == SIG_IGN && info->si_code <= 0) {
    // Sent by somebody, and it was to be ignored.
  } else if (previous->sa_handler == SIG_DFL || previous->sa_handler == SIG_IGN) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(number, &action, NULL);
    // A fault comes again as soon as this returns; a signal that was sent does not.
    if (info->si_code <= 0) syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), number);
  } else {
    previous->sa_handler(number);
  }
}

static HANDLER void on_fault(int number, siginfo_t *info, void *context) {
  int saved = errno;
  // Above zero means that the kernel itself raised it; BUS_MCEERR_AO is about memory that nobody
  // is touching right now.
  int is_access = info->si_code > 0 && !(number == SIGBUS && info->si_code == BUS_MCEERR_AO);
  int is_done = is_access && (repair_access(info, context) ||
                              (number == SIGBUS && info->si_code == BUS_ADRERR &&
                               replace_page((uintptr_t)info->si_addr)));
  errno = saved;
  if (!is_done) pass_on(number, info, context);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int install_error;

static void install(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  // The old ones are known before the new one can need them.
  if (sigaction(SIGBUS, NULL, &previous_bus) != 0 || sigaction(SIGSEGV, NULL, &previous_segv) != 0 ||
      sigaction(SIGBUS, &action, NULL) != 0 || sigaction(SIGSEGV, &action, NULL) != 0) {
    install_error = errno;
  }
}

int ktstr_faults_install(void) {
  pthread_once(&once, install);
  if (install_error == 0) return 0;
  errno = install_error;
  return -1;
}

int ktstr_guard_add(const void *start, size_t count, size_t page_size) {
  if (ktstr_faults_install() != 0) return -1;
  for (int slot = 0; slot < ktstr_guard_limit; slot++) {
    struct guard *guard = &guards[slot];
    int free = 0;
    if (!atomic_compare_exchange_strong(&guard->taken, &free, 1)) continue;
    atomic_fetch_add(&guard->version, 1);
    atomic_store(&guard->start, (uintptr_t)start);
    atomic_store(&guard->end, (uintptr_t)start + count);
    atomic_store(&guard->page_size, page_size);
    atomic_store(&guard->lost, 0);
    atomic_fetch_add(&guard->version, 1);
    int used = atomic_load(&guards_used);
    while (used <= slot && !atomic_compare_exchange_weak(&guards_used, &used, slot + 1)) {
    }
    return slot;
  }
  errno = ENOSPC;
  return -1;
}

void ktstr_guard_remove(int slot) {
  struct guard *guard = &guards[slot];
  atomic_fetch_add(&guard->version, 1);
  atomic_store(&guard->start, 0);
  atomic_store(&guard->end, 0);
  atomic_fetch_add(&guard->version, 1);
  atomic_store(&guard->taken, 0);
}

uint64_t ktstr_guard_lost(int slot) {
  return atomic_load_explicit(&guards[slot].lost, memory_order_acquire);
}

size_t ktstr_file_page_size(int fd) {
  struct statfs information;
  if (fstatfs(fd, &information) != 0) return 0;
  // linux/magic.h: HUGETLBFS_MAGIC.
  if (information.f_type == 0x958458f6) return (size_t)information.f_bsize;
  return (size_t)sysconf(_SC_PAGESIZE);
}
