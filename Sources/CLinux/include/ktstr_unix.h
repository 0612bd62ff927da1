#pragma once

#include <stddef.h>

/// Longest path of a UNIX socket in bytes, without the terminating NUL.
enum { ktstr_unix_max_path = 107 };

/// A close-on-exec stream socket bound to `path` and listening; the path must not exist. In C
/// because `sockaddr_un` holds its path as a tuple in Swift. Returns -1 and sets errno on error.
int ktstr_unix_listen(const char *_Nonnull path, int backlog);

/// A close-on-exec stream socket connected to `path`. With `dont_wait` a full backlog is EAGAIN at
/// once. Returns -1 and sets errno on error.
int ktstr_unix_connect(const char *_Nonnull path, int dont_wait);

/// `accept4(2)`, close-on-exec; hidden behind _GNU_SOURCE. Returns -1 and sets errno on error.
int ktstr_accept(int fd);

/// `O_DIRECT`, which hides behind _GNU_SOURCE.
int ktstr_o_direct(void);
