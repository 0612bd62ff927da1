// For builds with the thread sanitizer only: a lock of Swift's `Mutex` that has to wait gets it from
// the kernel (FUTEX_LOCK_PI), which the sanitizer does not see, so that it reports every contended
// lock as a race. These stand before the functions of the same names in libswiftSynchronization and
// tell it what they did.

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

// Synchronization._MutexHandle._lockSlow(UInt32)
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
// Synchronization._MutexHandle._unlockSlow()
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef SWIFT void (*lock_function)(uint32_t thread, SELF void *handle);
typedef SWIFT void (*unlock_function)(SELF void *handle);

static void *real(const char *name) {
  void *function = dlsym(RTLD_NEXT, name);
  if (!function) abort();
  return function;
}

SWIFT void ktstr_tsan_lock(uint32_t thread, SELF void *handle) __asm__(LOCK);
SWIFT void ktstr_tsan_lock(uint32_t thread, SELF void *handle) {
  static _Atomic(lock_function) next;
  lock_function function = next;
  if (!function) next = function = (lock_function)real(LOCK);
  function(thread, handle);
  __tsan_acquire(handle);
}

SWIFT void ktstr_tsan_unlock(SELF void *handle) __asm__(UNLOCK);
SWIFT void ktstr_tsan_unlock(SELF void *handle) {
  static _Atomic(unlock_function) next;
  unlock_function function = next;
  if (!function) next = function = (unlock_function)real(UNLOCK);
  __tsan_release(handle);
  function(handle);
}

#endif
#endif
