#define _GNU_SOURCE
#include "guest_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest_process.h"

static int join_cgroup(const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = write(fd, "0", 1) < 0 ? -errno : 0;
  close(fd);
  return result;
}

static _Noreturn void give_up(const char *doing, const char *what, int error) {
  char line[512];
  int length = snprintf(line, sizeof line, "ktstr-init: %s %s: %s\n", doing, what, strerror(error));
  if (length > (int)sizeof line - 1) length = sizeof line - 1;
  ssize_t ignored = length > 0 ? write(2, line, (size_t)length) : 0;
  (void)ignored;
  _exit(error == ENOENT ? 127 : 126);
}

pid_t guest_launch_program(
    const char *path, char *const *arguments, char *const *environment, const char *directory,
    const char *cgroup_procs, int output, int error) {
  pid_t pid = fork();
  if (pid < 0) return -errno;
  if (pid > 0) return pid;
  guest_child_signals();
  signal(SIGPIPE, SIG_DFL);
  setsid();
  int input = open("/dev/null", O_RDONLY);
  if (dup2(error, 2) < 0 || dup2(output, 1) < 0 || dup2(input, 0) < 0) _exit(126);
  if (cgroup_procs) {
    int result = join_cgroup(cgroup_procs);
    if (result < 0) give_up("join", cgroup_procs, -result);
  }
  if (chdir(directory) < 0) give_up("enter", directory, errno);
  execve(path, arguments, environment);
  give_up("run", path, errno);
}

int guest_signal_group(pid_t leader, int number) {
  if (leader <= 1) return -EINVAL;
  int result = kill(-leader, number == guest_signal_kill ? SIGKILL : SIGTERM);
  // Before its setsid() the child leads no group yet.
  if (result < 0 && errno == ESRCH)
    result = kill(leader, number == guest_signal_kill ? SIGKILL : SIGTERM);
  return result < 0 ? -errno : 0;
}

void guest_enlarge_pipe(int fd) {
  fcntl(fd, F_SETPIPE_SZ, 1 << 20);
}
