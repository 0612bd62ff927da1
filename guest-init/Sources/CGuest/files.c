#define _GNU_SOURCE
#include "guest_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RETRY(call)                                  \
  do {                                               \
    ssize_t result;                                  \
    do {                                             \
      result = (call);                               \
    } while (result < 0 && errno == EINTR);          \
    return result < 0 ? -errno : result;             \
  } while (0)

int guest_open(const char *path, int flags) {
  int native = O_CLOEXEC | O_NOCTTY;
  switch (flags & 3) {
    case guest_write_only: native |= O_WRONLY; break;
    case guest_read_write: native |= O_RDWR; break;
    default: native |= O_RDONLY; break;
  }
  if (flags & guest_nonblocking) native |= O_NONBLOCK;
  if (flags & guest_direct) native |= O_DIRECT;
  int fd;
  do {
    fd = open(path, native);
  } while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

void guest_close(int fd) { close(fd); }

ssize_t guest_read(int fd, void *buffer, size_t count) { RETRY(read(fd, buffer, count)); }

ssize_t guest_write(int fd, const void *buffer, size_t count) { RETRY(write(fd, buffer, count)); }

ssize_t guest_read_at(int fd, void *buffer, size_t count, uint64_t offset) {
  RETRY(pread(fd, buffer, count, (off_t)offset));
}

ssize_t guest_write_at(int fd, const void *buffer, size_t count, uint64_t offset) {
  RETRY(pwrite(fd, buffer, count, (off_t)offset));
}

int guest_flush(int fd) { return fsync(fd) < 0 ? -errno : 0; }

void guest_sync(void) { sync(); }

int guest_make_directory(const char *path) {
  return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int guest_remove_directory(const char *path) { return rmdir(path) < 0 ? -errno : 0; }

int guest_exists(const char *path) { return access(path, F_OK) == 0; }

int guest_mount(const char *type, const char *target, int secure) {
  unsigned long flags = secure ? MS_NOSUID | MS_NODEV | MS_NOEXEC : MS_NOSUID;
  return mount(type, target, type, flags, NULL) < 0 ? -errno : 0;
}

int guest_load_module(int fd, int compressed) {
  // MODULE_INIT_COMPRESSED_FILE of linux/module.h, which older headers lack.
  return syscall(SYS_finit_module, fd, "", compressed ? 4 : 0) < 0 ? -errno : 0;
}

ssize_t guest_list(const char *path, void *buffer, size_t capacity) {
  DIR *directory = opendir(path);
  if (!directory) return -errno;
  char *bytes = buffer;
  size_t used = 0;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    size_t length = strlen(entry->d_name);
    if (entry->d_name[0] == '.' || used + length + 1 > capacity) continue;
    memcpy(bytes + used, entry->d_name, length);
    used += length;
    bytes[used++] = '\n';
  }
  closedir(directory);
  return (ssize_t)used;
}

int guest_pipe(int *ends) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

int guest_poll(int fd, int wanted, int64_t timeout_ns) {
  struct pollfd wait = {.fd = fd};
  if (wanted & guest_poll_readable) wait.events |= POLLIN;
  if (wanted & guest_poll_writable) wait.events |= POLLOUT;
  if (timeout_ns < 0) timeout_ns = 0;
  struct timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
  if (ppoll(&wait, 1, &limit, NULL) < 0) return errno == EINTR ? 0 : -errno;
  int found = 0;
  if (wait.revents & POLLIN) found |= guest_poll_readable;
  if (wait.revents & POLLOUT) found |= guest_poll_writable;
  if (wait.revents & (POLLHUP | POLLERR | POLLNVAL)) found |= guest_poll_hung_up;
  return found;
}
