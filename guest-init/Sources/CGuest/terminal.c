#define _GNU_SOURCE
#include "guest_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest_process.h"
#include "guest_sync.h"

int guest_terminal_size(const char *path, uint16_t columns, uint16_t rows) {
  int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  int result = ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
  close(fd);
  return result;
}

pid_t guest_start_on_terminal(
    const char *terminal, char *const *arguments, char *const *environment) {
  pid_t pid = fork();
  if (pid != 0) return pid < 0 ? -errno : pid;
  guest_child_signals();
  signal(SIGPIPE, SIG_DFL);
  setsid();
  int fd = open(terminal, O_RDWR);
  if (fd >= 0) {
    ioctl(fd, TIOCSCTTY, 1);
    for (int target = 0; target < 3; target++) dup2(fd, target);
    if (fd > 2) close(fd);
  }
  execve(arguments[0], arguments, environment);
  _exit(127);
}

int guest_run(char *const *arguments, uint64_t limit_ns) {
  pid_t pid = fork();
  if (pid < 0) return -errno;
  if (pid == 0) {
    guest_child_signals();
    execv(arguments[0], arguments);
    _exit(127);
  }
  uint64_t deadline = guest_monotonic() + limit_ns;
  for (;;) {
    int status;
    if (waitpid(pid, &status, WNOHANG) == pid) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    uint64_t now = guest_monotonic();
    if (now >= deadline) break;
    guest_wait_for_child((int64_t)(deadline - now));
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, WNOHANG);
  return -ETIMEDOUT;
}
