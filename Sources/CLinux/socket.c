#define _GNU_SOURCE
#include "ktstr_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(ktstr_socket_max_fds * sizeof(int))];
};

int ktstr_socketpair(int fds[2]) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
}

ssize_t ktstr_send_with_fds(
    int fd, const void *bytes, size_t count, const int *fds, size_t fd_count, int dont_wait) {
  if (fd_count > ktstr_socket_max_fds) {
    errno = EINVAL;
    return -1;
  }
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = count};
  union control control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (fd_count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
  }
  return sendmsg(fd, &message, MSG_NOSIGNAL | (dont_wait ? MSG_DONTWAIT : 0));
}

ssize_t ktstr_receive_with_fds(
    int fd, void *bytes, size_t count, int *fds, size_t *fd_count, int *truncated, int dont_wait) {
  struct iovec vector = {.iov_base = bytes, .iov_len = count};
  union control control;
  struct msghdr message = {
      .msg_iov = &vector,
      .msg_iovlen = 1,
      .msg_control = control.bytes,
      .msg_controllen = sizeof control.bytes,
  };
  *fd_count = 0;
  *truncated = 0;
  ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | (dont_wait ? MSG_DONTWAIT : 0));
  if (got < 0) return got;
  *truncated = (message.msg_flags & MSG_CTRUNC) != 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t bytes_of_fds = header->cmsg_len - CMSG_LEN(0);
    size_t number = bytes_of_fds / sizeof(int);
    if (number > ktstr_socket_max_fds - *fd_count) number = ktstr_socket_max_fds - *fd_count;
    memcpy(fds + *fd_count, CMSG_DATA(header), number * sizeof(int));
    *fd_count += number;
  }
  return got;
}
