#define _GNU_SOURCE
#include "guest_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest_files.h"
#include "guest_process.h"

enum { most_waits = 8 };

pid_t guest_start_program(
    const char *path, char *const *arguments, char *const *environment, const char *directory,
    int input, int output, int error) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) return -errno;
  pid_t pid = fork();
  if (pid == 0) {
    guest_child_signals();
    signal(SIGPIPE, SIG_DFL);
    setsid();
    int failed = 0;
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0 || chdir(directory) < 0) {
      failed = errno;
    } else {
      execve(path, arguments, environment);
      failed = errno;
    }
    ssize_t ignored = write(report[1], &failed, sizeof failed);
    (void)ignored;
    _exit(127);
  }
  int result = pid < 0 ? -errno : pid;
  close(report[1]);
  int failed = 0;
  ssize_t count;
  do {
    count = read(report[0], &failed, sizeof failed);
  } while (count < 0 && errno == EINTR);
  close(report[0]);
  if (pid > 0 && count == (ssize_t)sizeof failed) {
    waitpid(pid, NULL, 0);
    result = -failed;
  }
  return result;
}

int guest_child_descriptor(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

void guest_child_descriptor_drain(int fd) {
  struct signalfd_siginfo info;
  while (read(fd, &info, sizeof info) == sizeof info) continue;
}

int guest_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  return 0;
}

int guest_symlink(const char *target, const char *path) {
  return symlink(target, path) < 0 ? -errno : 0;
}

int guest_poll_many(struct guest_wait *waits, size_t count, int64_t timeout_ns) {
  struct pollfd entries[most_waits];
  if (count > most_waits) return -EINVAL;
  for (size_t index = 0; index < count; index++) {
    int wanted = waits[index].wanted;
    entries[index] = (struct pollfd){.fd = wanted ? waits[index].fd : -1};
    if (wanted & guest_poll_readable) entries[index].events |= POLLIN;
    if (wanted & guest_poll_writable) entries[index].events |= POLLOUT;
    waits[index].found = 0;
  }
  if (timeout_ns < 0) timeout_ns = 0;
  struct timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
  if (ppoll(entries, count, &limit, NULL) < 0) return errno == EINTR ? 0 : -errno;
  for (size_t index = 0; index < count; index++) {
    short found = entries[index].revents;
    if (found & POLLIN) waits[index].found |= guest_poll_readable;
    if (found & POLLOUT) waits[index].found |= guest_poll_writable;
    if (found & (POLLHUP | POLLERR | POLLNVAL)) waits[index].found |= guest_poll_hung_up;
  }
  return 0;
}
