#define _GNU_SOURCE
#include "ktstr_thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

// What x86-64 distributions build their kernels for (CONFIG_NR_CPUS), and more than hosts have.
enum { cpu_limit = 8192 };

int ktstr_thread_pin(pthread_t thread, const unsigned *cpus, size_t count) {
  unsigned long words[cpu_limit / (8 * sizeof(unsigned long))] = {0};
  for (size_t index = 0; index < count; index++) {
    if (cpus[index] >= cpu_limit) return EINVAL;
    CPU_SET_S(cpus[index], sizeof words, (cpu_set_t *)words);
  }
  return pthread_setaffinity_np(thread, sizeof words, (const cpu_set_t *)words);
}

int ktstr_allowed_cpus(unsigned *cpus, size_t count) {
  unsigned long words[cpu_limit / (8 * sizeof(unsigned long))] = {0};
  if (sched_getaffinity(0, sizeof words, (cpu_set_t *)words) < 0) return -1;
  int found = 0;
  for (unsigned cpu = 0; cpu < cpu_limit; cpu++) {
    if (!CPU_ISSET_S(cpu, sizeof words, (cpu_set_t *)words)) continue;
    if ((size_t)found < count) cpus[found] = cpu;
    found++;
  }
  return found;
}

static void do_nothing(int signal) { (void)signal; }

int ktstr_kick_signal_prepare(void) {
  struct sigaction action = {.sa_handler = do_nothing};
  sigemptyset(&action.sa_mask);
  return sigaction(SIGRTMIN, &action, NULL) == 0 ? SIGRTMIN : -1;
}
