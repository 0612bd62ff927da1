#define _GNU_SOURCE
#include "guest_process.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

pid_t guest_pid(void) { return getpid(); }

pid_t guest_fork(void) {
  pid_t pid = fork();
  return pid < 0 ? -errno : pid;
}

void guest_exit(int code) { _exit(code); }

int guest_kill(pid_t pid) { return kill(pid, SIGKILL) < 0 ? -errno : 0; }

pid_t guest_ended_child(void) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return 0;
  return info.si_pid;
}

int guest_reap(pid_t pid, struct guest_ended *ended) {
  struct rusage usage;
  int status = 0;
  pid_t found = wait4(pid, &status, WNOHANG, &usage);
  if (found < 0) return -errno;
  if (found == 0) return 0;
  ended->pid = found;
  ended->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  ended->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  ended->cpu_ns = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
  ended->voluntary_switches = (uint64_t)usage.ru_nvcsw;
  ended->involuntary_switches = (uint64_t)usage.ru_nivcsw;
  return 1;
}

void guest_init_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  reboot(RB_DISABLE_CAD);
}

void guest_child_signals(void) {
  static const int numbers[] = {SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGFPE};
  for (size_t index = 0; index < sizeof numbers / sizeof numbers[0]; index++) {
    signal(numbers[index], SIG_DFL);
  }
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigprocmask(SIG_SETMASK, &set, NULL);
}

static int child_has_ended;

void guest_wait_for_child(int64_t timeout_ns) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  if (timeout_ns < 0) timeout_ns = 0;
  struct timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
  if (sigtimedwait(&set, NULL, &limit) == SIGCHLD) child_has_ended = 1;
}

int guest_hear_of_child(int64_t timeout_ns) {
  // Somebody else may have taken the signal, when nobody asked here.
  if (!child_has_ended) guest_wait_for_child(timeout_ns);
  int result = child_has_ended;
  child_has_ended = 0;
  return result;
}

int guest_raise_priority(void) {
  // Above all workers, whose greatest priority is one less.
  struct sched_param parameter = {.sched_priority = 99};
  return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter) < 0 ? -errno : 0;
}

void guest_set_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

int64_t guest_cpu_time(pid_t pid) {
  // The process's CPU clock, as clock_getcpuclockid makes it, without its extra system call.
  clockid_t clock = (clockid_t)(((unsigned)~pid << 3) | 2u);
  struct timespec now;
  if (clock_gettime(clock, &now) < 0) return -errno;
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void guest_release(char *buffer, size_t capacity) {
  struct utsname name;
  buffer[0] = 0;
  if (uname(&name) == 0) {
    strncpy(buffer, name.release, capacity - 1);
    buffer[capacity - 1] = 0;
  }
}

int guest_power(int way) {
  return reboot(way == guest_power_off ? RB_POWER_OFF : RB_AUTOBOOT) < 0 ? -errno : 0;
}
