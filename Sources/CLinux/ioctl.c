#include "ktstr_kvm.h"

#include <sys/ioctl.h>

int ktstr_ioctl_value(int fd, unsigned long request, unsigned long argument) {
  return ioctl(fd, request, argument);
}

int ktstr_ioctl_pointer(int fd, unsigned long request, void *argument) {
  return ioctl(fd, request, argument);
}
