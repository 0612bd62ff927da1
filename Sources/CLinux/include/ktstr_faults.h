#pragma once

#include <stddef.h>
#include <stdint.h>

// Touching memory that may fault. In C and assembly because a signal handler has to know the very
// instructions that may fault, and because it may run no Swift.

/// How a copy or a fill ended: how many bytes were not moved, and where it faulted when not zero.
struct ktstr_copy_end {
  size_t left;
  uintptr_t fault;
};

/// A loaded word, or whether it faulted.
struct ktstr_word {
  uint64_t value;
  uint64_t faulted;
};

/// Takes over SIGBUS and SIGSEGV, once; the handlers of before get what is not ours. Needed before
/// any of the `try` functions below. Returns -1 and sets errno on error.
int ktstr_faults_install(void);

/// Copies bytes upwards, one after another, until all are moved or one of the sides faults.
struct ktstr_copy_end ktstr_try_copy(
    void *_Nonnull target, const void *_Nonnull source, size_t count);

/// Sets bytes upwards until all are set or the target faults.
struct ktstr_copy_end ktstr_try_fill(void *_Nonnull target, int byte, size_t count);

/// One load of 1, 2, 4 or 8 bytes.
struct ktstr_word ktstr_try_load1(const void *_Nonnull source);
struct ktstr_word ktstr_try_load2(const void *_Nonnull source);
struct ktstr_word ktstr_try_load4(const void *_Nonnull source);
struct ktstr_word ktstr_try_load8(const void *_Nonnull source);

/// One store of 1, 2, 4 or 8 bytes; not zero when it faulted.
int ktstr_try_store1(void *_Nonnull target, uint8_t value);
int ktstr_try_store2(void *_Nonnull target, uint16_t value);
int ktstr_try_store4(void *_Nonnull target, uint32_t value);
int ktstr_try_store8(void *_Nonnull target, uint64_t value);

/// How many mappings can be guarded at a time.
enum { ktstr_guard_limit = 4096 };

/// Guards a mapping of a file that may shrink: where a page of it is gone, a zeroed one of this
/// process alone takes its place, and execution goes on. `page_size` is the one of the file system.
/// Returns a slot for the calls below, or -1 when all are taken (errno ENOSPC) or the handlers could
/// not be installed.
int ktstr_guard_add(const void *_Nonnull start, size_t count, size_t page_size);

/// Ends a guard; call it before the mapping goes.
void ktstr_guard_remove(int slot);

/// How often a page of the mapping was replaced. Two threads that meet the same page at once may
/// count it twice.
uint64_t ktstr_guard_lost(int slot);

/// The size of the pages that a file is mapped in, which on hugetlbfs are huge; 0 and errno on error.
size_t ktstr_file_page_size(int fd);
