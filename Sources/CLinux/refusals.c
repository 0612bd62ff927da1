#define _GNU_SOURCE
#include "ktstr_sandbox.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

// What a thread is called in a refusal. The handler reads what the same thread has written before it
// installed its filter, so that the memory is there.
static _Thread_local char role_name[32];
static _Atomic int report_to = 2;

// No more than what a signal handler may do, and no system calls but write, which every role has.
struct line {
  char bytes[320];
  size_t count;
};

static void add_text(struct line *line, const char *text) {
  while (*text != 0 && line->count < sizeof line->bytes - 1) line->bytes[line->count++] = *text++;
}

static void add_number(struct line *line, uint64_t value, unsigned base) {
  char digits[20];
  size_t count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  while (count > 0 && line->count < sizeof line->bytes - 1) {
    line->bytes[line->count++] = digits[--count];
  }
}

static void add_call(struct line *line, const siginfo_t *info, const greg_t *registers) {
  const char *name =
      info->si_arch == AUDIT_ARCH_X86_64 ? ktstr_syscall_name((uint32_t)info->si_syscall) : NULL;
  add_text(line, name != NULL ? name : "a system call without a name");
  add_text(line, " (");
  add_number(line, (uint32_t)info->si_syscall, 10);
  if (info->si_arch != AUDIT_ARCH_X86_64) {
    add_text(line, " of architecture 0x");
    add_number(line, (uint32_t)info->si_arch, 16);
  }
  // What the filter gave with its verdict: 1 where the call is known, but not with its arguments.
  add_text(line, info->si_errno == 1 ? ") with these arguments:" : "); its arguments:");
  static const int places[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
  for (int i = 0; i < 6; i++) {
    add_text(line, " 0x");
    add_number(line, (uint64_t)registers[places[i]], 16);
  }
}

static void on_refusal(int number, siginfo_t *info, void *context) {
  (void)number;
  struct line line = {.count = 0};
  add_text(&line, "ktstr: sandbox: ");
  // SYS_SECCOMP, which only the kernel can say.
  if (info->si_code == 1) {
    add_text(&line, "a thread of role '");
    add_text(&line, role_name);
    add_text(&line, "' may not call ");
    add_call(&line, info, ((const ucontext_t *)context)->uc_mcontext.gregs);
  } else {
    add_text(&line, "SIGSYS came from outside");
  }
  line.bytes[line.count++] = '\n';
  ssize_t ignored = write(atomic_load(&report_to), line.bytes, line.count);
  (void)ignored;
  _exit(ktstr_refused_status);
}

int ktstr_refusals_report(int report_fd) {
  atomic_store(&report_to, report_fd);
  struct sigaction action = {.sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&action.sa_mask);
  return sigaction(SIGSYS, &action, NULL);
}

int ktstr_filter_install(const char *role, const struct sock_filter *code, unsigned short count) {
  strncpy(role_name, role, sizeof role_name - 1);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGSYS);
  int error = pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  if (error != 0) {
    errno = error;
    return -1;
  }
  struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)code};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0UL, &program);
}
