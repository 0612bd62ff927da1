#pragma once

#include <stddef.h>
#include <sys/types.h>

/// More descriptors than this in one message are never sent and never accepted.
enum { ktstr_socket_max_fds = 64 };

/// `socketpair(2)` of connected UNIX stream sockets, close-on-exec: Swift cannot combine the
/// enum-typed SOCK_ constants. Returns -1 and sets errno on error.
int ktstr_socketpair(int fds[_Nonnull 2]);

/// `sendmsg(2)` of one buffer with descriptors as SCM_RIGHTS (the CMSG_ macros are out of Swift's
/// reach). Never raises SIGPIPE. Returns the bytes sent, or -1 with errno.
ssize_t ktstr_send_with_fds(
    int fd, const void *_Nullable bytes, size_t count, const int *_Nullable fds, size_t fd_count,
    int dont_wait);

/// `recvmsg(2)` into one buffer, descriptors made close-on-exec and stored in `fds`, which has room
/// for `ktstr_socket_max_fds`. `truncated` is set when the kernel had more control data than fitted.
/// Returns the bytes received, 0 at the end of the stream, or -1 with errno.
ssize_t ktstr_receive_with_fds(
    int fd, void *_Nullable bytes, size_t count, int *_Nonnull fds, size_t *_Nonnull fd_count,
    int *_Nonnull truncated, int dont_wait);
