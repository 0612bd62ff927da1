#define _GNU_SOURCE
#include "ktstr_kvm.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int ktstr_ioctl_value(int fd, unsigned long request, unsigned long argument) {
  int result = ioctl(fd, request, argument);
  return result < 0 ? -errno : result;
}

int ktstr_ioctl_pointer(int fd, unsigned long request, void *argument) {
  int result = ioctl(fd, request, argument);
  return result < 0 ? -errno : result;
}

int ktstr_request_guest_state(unsigned long feature) {
  const long request_guest_permission = 0x1025;  // ARCH_REQ_XCOMP_GUEST_PERM, since Linux 5.17.
  return syscall(SYS_arch_prctl, request_guest_permission, feature) < 0 ? -errno : 0;
}
