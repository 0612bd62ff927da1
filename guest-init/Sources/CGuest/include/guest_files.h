#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// How a file is opened; combined as flags.
enum {
  guest_read_only = 0,
  guest_write_only = 1,
  guest_read_write = 2,
  guest_nonblocking = 4,
  guest_direct = 8,
};

/// `open(2)`, close-on-exec. Returns the descriptor or a negative errno.
int guest_open(const char *_Nonnull path, int flags);
/// `close(2)`.
void guest_close(int fd);
/// `read(2)`, again after EINTR.
ssize_t guest_read(int fd, void *_Nonnull buffer, size_t count);
/// `write(2)`, again after EINTR.
ssize_t guest_write(int fd, const void *_Nonnull buffer, size_t count);
/// `pread(2)`, again after EINTR.
ssize_t guest_read_at(int fd, void *_Nonnull buffer, size_t count, uint64_t offset);
/// `pwrite(2)`, again after EINTR.
ssize_t guest_write_at(int fd, const void *_Nonnull buffer, size_t count, uint64_t offset);
/// `fsync(2)`.
int guest_flush(int fd);
/// `sync(2)`.
void guest_sync(void);
/// `mkdir(2)` with mode 0755; an existing directory is fine.
int guest_make_directory(const char *_Nonnull path);
/// `rmdir(2)`.
int guest_remove_directory(const char *_Nonnull path);
/// Whether a path exists.
int guest_exists(const char *_Nonnull path);
/// `mount(2)`; `secure` adds nosuid, nodev and noexec.
int guest_mount(const char *_Nonnull type, const char *_Nonnull target, int secure);
/// `finit_module(2)`; `compressed` lets the kernel decompress the file.
int guest_load_module(int fd, int compressed);
/// Writes the names in a directory, each followed by a newline, dot entries left out. Returns the
/// number of bytes or a negative errno; names that do not fit are left out.
ssize_t guest_list(const char *_Nonnull path, void *_Nonnull buffer, size_t capacity);
/// Two descriptors, `ends[0]` to read from and `ends[1]` to write to, close-on-exec.
int guest_pipe(int *_Nonnull ends);

/// What `guest_poll` found.
enum {
  guest_poll_readable = 1,
  guest_poll_writable = 2,
  guest_poll_hung_up = 4,
};
/// Waits for one descriptor. Returns found flags, 0 after the time or a signal, or negative errno.
int guest_poll(int fd, int wanted, int64_t timeout_ns);
