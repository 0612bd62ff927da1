// What a loader would ask of an ELF program, through libelf. Swift sees only this header: of the
// library's own, macros and casts are half.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What was found in a file.
enum ktstr_elf_kind {
  /// No ELF file at all.
  KTSTR_ELF_NONE,
  /// An ELF file that no loader starts: an object file, a kernel module, a core dump.
  KTSTR_ELF_OTHER,
  /// A program or a shared library.
  KTSTR_ELF_LOADABLE,
  /// An ELF file that is damaged; the reason says how.
  KTSTR_ELF_DAMAGED,
};

/// Texts that a dynamic section names.
enum ktstr_elf_text {
  KTSTR_ELF_NEEDED,
  KTSTR_ELF_RPATH,
  KTSTR_ELF_RUNPATH,
};

/// One program's account; the texts belong to it.
struct ktstr_elf;

/// Reads an open file. Nil only without memory. The descriptor is not needed afterwards.
struct ktstr_elf *_Nullable ktstr_elf_read(int fd);
/// Gives the account up.
void ktstr_elf_free(struct ktstr_elf *_Nonnull file);

/// What the file is.
enum ktstr_elf_kind ktstr_elf_kind_of(const struct ktstr_elf *_Nonnull file);
/// Why it is damaged.
const char *_Nonnull ktstr_elf_reason(const struct ktstr_elf *_Nonnull file);
/// The machine that it is for (`EM_X86_64` is 62).
uint16_t ktstr_elf_machine(const struct ktstr_elf *_Nonnull file);
/// 32 or 64.
int ktstr_elf_bits(const struct ktstr_elf *_Nonnull file);
/// The loader that it names in PT_INTERP; nil without one.
const char *_Nullable ktstr_elf_interpreter(const struct ktstr_elf *_Nonnull file);
/// How many texts of a kind its dynamic section has.
size_t ktstr_elf_count_of(const struct ktstr_elf *_Nonnull file, enum ktstr_elf_text text);
/// One of them, in the section's order; `index` is below the count.
const char *_Nonnull ktstr_elf_text_at(const struct ktstr_elf *_Nonnull file, enum ktstr_elf_text text,
                                    size_t index);
