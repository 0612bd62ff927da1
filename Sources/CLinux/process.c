#define _GNU_SOURCE
#include "ktstr_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

static void child_fail(int report_fd, int error) {
  ssize_t ignored = write(report_fd, &error, sizeof error);
  (void)ignored;
  _exit(127);
}

static void child_main(
    const char *path, char *const *argv, char *const *envp, const struct ktstr_fd_mapping *mappings,
    size_t count, int *parked, int park_base, int death_signal, int own_group,
    const char *directory, pid_t parent, int report_fd) {
  if (own_group && setpgid(0, 0) != 0) child_fail(report_fd, errno);
  if (death_signal != 0) {
    if (prctl(PR_SET_PDEATHSIG, death_signal) != 0) child_fail(report_fd, errno);
    // The parent may have died before the line above: then no signal comes any more.
    if (getppid() != parent) _exit(127);
  }
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int signal = 1; signal < 65; signal++) sigaction(signal, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (directory != NULL && chdir(directory) != 0) child_fail(report_fd, errno);

  int report = fcntl(report_fd, F_DUPFD_CLOEXEC, park_base);
  if (report < 0) child_fail(report_fd, errno);
  // Two passes: a target number may be some other mapping's source.
  for (size_t i = 0; i < count; i++) {
    parked[i] = fcntl(mappings[i].parent_fd, F_DUPFD_CLOEXEC, park_base);
    if (parked[i] < 0) child_fail(report, errno);
  }
  for (int standard = 0; standard < 3; standard++) {
    int null = open("/dev/null", O_RDWR);
    if (null < 0) child_fail(report, errno);
    if (null != standard) {
      if (dup2(null, standard) < 0) child_fail(report, errno);
      if (null > 2) close(null);
    }
  }
  // From here on only what is mapped below survives exec.
  if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    long limit = sysconf(_SC_OPEN_MAX);
    for (int fd = 3; fd < (int)limit; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  for (size_t i = 0; i < count; i++) {
    if (dup2(parked[i], mappings[i].child_fd) < 0) child_fail(report, errno);
  }
  execve(path, argv, envp);
  child_fail(report, errno);
}

int ktstr_spawn(
    const char *path, char *const *argv, char *const *envp,
    const struct ktstr_fd_mapping *mappings, size_t mapping_count, int parent_death_signal,
    int own_process_group, const char *working_directory, pid_t *pid_out) {
  // Moved sources are parked above all targets, and not higher: the limit of open files may be low.
  int park_base = 3;
  for (size_t i = 0; i < mapping_count; i++) {
    int target = mappings[i].child_fd;
    if (target < 0 || target == INT_MAX) return EINVAL;
    if (target >= park_base) park_base = target + 1;
  }
  int *parked = calloc(mapping_count + 1, sizeof *parked);
  if (parked == NULL) return ENOMEM;
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) {
    int error = errno;
    free(parked);
    return error;
  }
  pid_t parent = getpid();
  // Block everything across fork, so that no handler of ours runs in the child.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pid_t pid = fork();
  if (pid == 0) {
    child_main(
        path, argv, envp, mappings, mapping_count, parked, park_base, parent_death_signal,
        own_process_group, working_directory, parent, report[1]);
  }
  int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  free(parked);
  close(report[1]);
  if (pid < 0) {
    close(report[0]);
    return fork_error;
  }
  int child_error = 0;
  ssize_t got;
  do {
    got = read(report[0], &child_error, sizeof child_error);
  } while (got < 0 && errno == EINTR);
  close(report[0]);
  if (got == (ssize_t)sizeof child_error) {
    waitpid(pid, NULL, 0);
    return child_error;
  }
  *pid_out = pid;
  return 0;
}

int ktstr_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int ktstr_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int ktstr_signalfd(const sigset_t *set) { return signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK); }

int ktstr_signalfd_next(int fd) {
  struct signalfd_siginfo info;
  return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}
