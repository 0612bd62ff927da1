#define _GNU_SOURCE
#include "ktstr_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int make(const char *path, struct sockaddr_un *address, int flags) {
  size_t length = strlen(path);
  if (length > ktstr_unix_max_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, length);
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
}

static int fail(int fd) {
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

int ktstr_unix_listen(const char *path, int backlog) {
  struct sockaddr_un address;
  int fd = make(path, &address, SOCK_NONBLOCK);
  if (fd < 0) return -1;
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return fail(fd);
  if (listen(fd, backlog) != 0) {
    int saved = errno;
    unlink(path);
    errno = saved;
    return fail(fd);
  }
  return fd;
}

int ktstr_unix_connect(const char *path, int dont_wait) {
  struct sockaddr_un address;
  int fd = make(path, &address, dont_wait ? SOCK_NONBLOCK : 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return fail(fd);
  if (dont_wait) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  return fd;
}

int ktstr_accept(int fd) {
  return accept4(fd, NULL, NULL, SOCK_CLOEXEC);
}

int ktstr_o_direct(void) {
  return O_DIRECT;
}
