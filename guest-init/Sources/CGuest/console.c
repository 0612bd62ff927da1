#define _GNU_SOURCE
#include "guest_console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <ucontext.h>
#include <unistd.h>

static int console = -1;
static int kernel_log = -1;
static const char *stage = "start";
static char handler_stack[16384] __attribute__((aligned(16)));

int guest_console_open(void) {
  int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT) {
    // No devtmpfs in this kernel: the node can be made by hand.
    mknod("/dev/console", S_IFCHR | 0600, makedev(5, 1));
    mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3));
    fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  }
  int result = fd < 0 ? -errno : 0;
  int stdio = open(fd < 0 ? "/dev/null" : "/dev/console", O_RDWR | O_NOCTTY);
  if (stdio >= 0) {
    for (int target = 0; target < 3; target++) {
      if (stdio != target) dup2(stdio, target);
    }
    if (stdio > 2) close(stdio);
  }
  if (fd >= 0 && fd < 3) {
    // The kernel started init without descriptors, and dup2 above has replaced this one.
    fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  }
  console = fd;
  kernel_log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  return result;
}

void guest_console_write(const void *bytes, size_t count) {
  const char *next = bytes;
  // The kernel's log first: it keeps the order with the kernel's own lines, a panic above all, is
  // printed at once, and stays in a dump. A terminal would hold the line back in its buffer. One
  // write is one record.
  if (kernel_log >= 0 && write(kernel_log, bytes, count) == (ssize_t)count) return;
  if (console < 0) return;
  // Without the level, which only the log understands.
  if (count > 3 && next[0] == '<' && next[2] == '>') next += 3, count -= 3;
  while (count > 0) {
    ssize_t written = write(console, next, count);
    if (written > 0) {
      next += written;
      count -= (size_t)written;
      continue;
    }
    if (written < 0 && errno == EINTR) continue;
    struct pollfd wait = {.fd = console, .events = POLLOUT};
    if (written == 0 || errno != EAGAIN || poll(&wait, 1, 1000) <= 0) return;
  }
}

void guest_stage_set(const char *name) { stage = name; }

static char *append(char *end, const char *limit, const char *text) {
  while (*text && end < limit) *end++ = *text++;
  return end;
}

static char *append_hex(char *end, const char *limit, uint64_t value) {
  char digits[17];
  int count = 16;
  digits[16] = 0;
  do {
    digits[--count] = "0123456789abcdef"[value & 15];
    value >>= 4;
  } while (value && count > 0);
  return append(append(end, limit, "0x"), limit, digits + count);
}

static const char *signal_name(int number) {
  switch (number) {
    case SIGILL: return "SIGILL (a Swift trap?)";
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGABRT: return "SIGABRT";
    case SIGFPE: return "SIGFPE";
    default: return "a signal";
  }
}

static void die(int number, siginfo_t *info, void *context) {
  char line[256];
  const char *limit = line + sizeof line - 1;
  char *end = append(line, limit, "<0>ktstr-init: died in stage '");
  end = append(end, limit, stage);
  end = append(end, limit, "' of ");
  end = append(end, limit, signal_name(number));
  end = append(end, limit, ", address ");
  end = append_hex(end, limit, (uint64_t)(uintptr_t)info->si_addr);
#if defined(__x86_64__)
  const ucontext_t *machine = context;
  end = append(end, limit, ", instruction ");
  end = append_hex(end, limit, (uint64_t)machine->uc_mcontext.gregs[REG_RIP]);
#else
  (void)context;
#endif
  *end++ = '\n';
  guest_console_write(line, (size_t)(end - line));
  // PID 1 ignores default dispositions; leaving is what makes the kernel panic and say so.
  _exit(128 + number);
}

void guest_fatal_handlers_install(void) {
  static const int numbers[] = {SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGFPE};
  stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
  sigaltstack(&stack, NULL);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = die;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
  sigfillset(&action.sa_mask);
  for (size_t index = 0; index < sizeof numbers / sizeof numbers[0]; index++) {
    sigaction(numbers[index], &action, NULL);
  }
}
