#define _GNU_SOURCE
#include "guest_sched.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Of linux/sched/types.h, which cannot be included beside sched.h of older C libraries.
struct scheduling_attributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};

int guest_set_policy_of(pid_t thread, const struct guest_policy *policy) {
  struct scheduling_attributes attributes = {
      .size = sizeof attributes,
      .policy = policy->number,
      .nice = policy->nice,
      .priority = policy->priority,
      .runtime = policy->runtime_ns,
      .deadline = policy->deadline_ns,
      .period = policy->period_ns,
  };
  return syscall(SYS_sched_setattr, thread, &attributes, 0) < 0 ? -errno : 0;
}

int guest_set_policy(const struct guest_policy *policy) { return guest_set_policy_of(0, policy); }

int guest_set_nice(int nice) { return setpriority(PRIO_PROCESS, 0, nice) < 0 ? -errno : 0; }

int guest_set_affinity_of(pid_t thread, const uint64_t *words, size_t count) {
  return syscall(SYS_sched_setaffinity, thread, count * sizeof *words, words) < 0 ? -errno : 0;
}

int guest_set_affinity(const uint64_t *words, size_t count) {
  return guest_set_affinity_of(0, words, count);
}

int guest_affinity(uint64_t *words, size_t count) {
  long bytes = syscall(SYS_sched_getaffinity, 0, count * sizeof *words, words);
  return bytes < 0 ? -errno : (int)(bytes / (long)sizeof *words);
}

uint64_t guest_thread_cpu(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void guest_thread_usage(struct guest_usage *usage) {
  struct rusage used;
  memset(&used, 0, sizeof used);
  getrusage(RUSAGE_THREAD, &used);
  usage->cpu_ns = guest_thread_cpu();
  usage->voluntary_switches = (uint64_t)used.ru_nvcsw;
  usage->involuntary_switches = (uint64_t)used.ru_nivcsw;
  usage->minor_faults = (uint64_t)used.ru_minflt;
}

pid_t guest_thread_id(void) { return (pid_t)syscall(SYS_gettid); }

void guest_exact_timers(void) { prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }

struct birth {
  void (*body)(void *);
  void *context;
};

static void *live(void *argument) {
  struct birth birth = *(struct birth *)argument;
  birth.body(birth.context);
  return NULL;
}

int guest_start_thread(void (*body)(void *), void *context) {
  // Threads are made one after the other by one thread, and none is let go: a birth for each, that
  // is never freed, is the simplest that is right.
  static struct birth births[4096];
  static unsigned next;
  if (next == sizeof births / sizeof births[0]) return -EAGAIN;
  struct birth *birth = &births[next++];
  birth->body = body;
  birth->context = context;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 128 << 10);
  pthread_t thread;
  int result = pthread_create(&thread, &attributes, live, birth);
  pthread_attr_destroy(&attributes);
  return -result;
}

void guest_thread_exit(void) {
  // Past the C library: its way out unwinds the stack, for which it would load a shared library.
  for (;;) syscall(SYS_exit, 0);
}

void guest_raise_file_limit(void) {
  struct rlimit limit = {1 << 16, 1 << 16};
  setrlimit(RLIMIT_NOFILE, &limit);
}

int guest_fork_and_wait(void) {
  pid_t pid = fork();
  if (pid == 0) _exit(0);
  if (pid < 0) return -errno;
  int status;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -errno;
  }
  return 0;
}

static __thread volatile uint64_t handled;

static void count(int number) {
  (void)number;
  handled++;
}

void guest_count_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = count;
  sigaction(SIGUSR1, &action, NULL);
}

uint64_t guest_signals_handled(void) { return handled; }

int guest_signal_thread(pid_t process, pid_t thread) {
  return syscall(SYS_tgkill, process, thread, SIGUSR1) < 0 ? -errno : 0;
}
