#define _GNU_SOURCE
#include "ktstr_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

int ktstr_prctl(int option, unsigned long second, unsigned long third) {
  return prctl(option, second, third, 0UL, 0UL);
}

int ktstr_capabilities_clear(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
  return (int)syscall(SYS_capset, &header, none);
}

int ktstr_capabilities_held(uint64_t *held) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
  if (syscall(SYS_capget, &header, data) != 0) return -1;
  *held = (uint64_t)(data[0].effective | data[0].permitted) |
          (uint64_t)(data[1].effective | data[1].permitted) << 32;
  return 0;
}

int ktstr_limit_set(int resource, uint64_t soft, uint64_t hard) {
  struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
  return setrlimit(resource, &limit);
}

int ktstr_limit_get(int resource, uint64_t *soft, uint64_t *hard) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) return -1;
  *soft = limit.rlim_cur;
  *hard = limit.rlim_max;
  return 0;
}

// The numbers are the same on every architecture since Linux 5.13 (asm-generic/unistd.h).
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

int ktstr_landlock_abi(void) {
  // LANDLOCK_CREATE_RULESET_VERSION
  return (int)syscall(SYS_landlock_create_ruleset, NULL, 0UL, 1U);
}

int ktstr_landlock_create(const struct ktstr_landlock_ruleset *ruleset) {
  return (int)syscall(SYS_landlock_create_ruleset, ruleset, sizeof *ruleset, 0U);
}

int ktstr_landlock_allow(int ruleset, int beneath, uint64_t access) {
  struct {
    uint64_t allowed_access;
    int32_t parent_fd;
  } __attribute__((packed)) rule = {access, beneath};
  // LANDLOCK_RULE_PATH_BENEATH
  return (int)syscall(SYS_landlock_add_rule, ruleset, 1, &rule, 0U);
}

int ktstr_landlock_restrict(int ruleset) {
  return (int)syscall(SYS_landlock_restrict_self, ruleset, 0U);
}

int ktstr_open_path(const char *path) { return open(path, O_PATH | O_CLOEXEC); }

int ktstr_thread_id(void) { return (int)syscall(SYS_gettid); }
