#define _GNU_SOURCE
#include "ktstr_elf.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  /// No real dynamic section has more entries.
  most_entries = 1 << 16,
  /// No real table of dynamic strings is longer; those of large C++ programs have some MiB.
  longest_strings = 256 << 20,
};

struct texts {
  char **items;
  size_t count;
};

struct ktstr_elf {
  enum ktstr_elf_kind kind;
  uint16_t machine;
  int bits;
  char *interpreter;
  struct texts texts[3];
  char reason[160];
};

static void damaged(struct ktstr_elf *file, const char *format, ...) {
  file->kind = KTSTR_ELF_DAMAGED;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(file->reason, sizeof file->reason, format, arguments);
  va_end(arguments);
}

/// A copy of the text that begins at `offset`, if it ends before the data does.
static char *text_at(const Elf_Data *data, uint64_t offset) {
  if (!data || !data->d_buf || offset >= data->d_size) return NULL;
  const char *start = (const char *)data->d_buf + offset;
  size_t limit = data->d_size - offset;
  return memchr(start, 0, limit) ? strdup(start) : NULL;
}

/// Where in the file the byte at a virtual address is; false when it is not in the file.
static bool file_offset(Elf *elf, size_t headers, uint64_t address, uint64_t *offset) {
  for (size_t index = 0; index < headers; index++) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf, (int)index, &header) || header.p_type != PT_LOAD) continue;
    if (address >= header.p_vaddr && address - header.p_vaddr < header.p_filesz) {
      *offset = header.p_offset + (address - header.p_vaddr);
      return true;
    }
  }
  return false;
}

static bool append(struct texts *list, char *text) {
  char **more = realloc(list->items, (list->count + 1) * sizeof *more);
  if (!more) return false;
  list->items = more;
  more[list->count++] = text;
  return true;
}

static int kind_of_tag(int64_t tag) {
  switch (tag) {
    case DT_NEEDED: return KTSTR_ELF_NEEDED;
    case DT_RPATH: return KTSTR_ELF_RPATH;
    case DT_RUNPATH: return KTSTR_ELF_RUNPATH;
    default: return -1;
  }
}

static void read_dynamic(
    struct ktstr_elf *file, Elf *elf, size_t headers, const GElf_Phdr *segment) {
  size_t entry_size = gelf_fsize(elf, ELF_T_DYN, 1, EV_CURRENT);
  if (segment->p_filesz / entry_size > most_entries) {
    damaged(file, "its dynamic section has %llu bytes", (unsigned long long)segment->p_filesz);
    return;
  }
  Elf_Data *entries =
      elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_DYN);
  if (!entries) {
    damaged(file, "its dynamic section cannot be read: %s", elf_errmsg(-1));
    return;
  }
  int count = (int)(entries->d_size / entry_size);
  uint64_t strings_address = 0, strings_size = 0, offset = 0;
  bool wants_strings = false;
  GElf_Dyn entry;
  for (int index = 0; index < count && gelf_getdyn(entries, index, &entry); index++) {
    if (entry.d_tag == DT_NULL) {
      count = index;
      break;
    }
    if (entry.d_tag == DT_STRTAB) strings_address = entry.d_un.d_ptr;
    if (entry.d_tag == DT_STRSZ) strings_size = entry.d_un.d_val;
    if (kind_of_tag(entry.d_tag) >= 0) wants_strings = true;
  }
  if (!wants_strings) return;
  if (strings_size > longest_strings || !file_offset(elf, headers, strings_address, &offset)) {
    damaged(file, "its dynamic strings (%llu bytes at 0x%llx) are not in the file",
            (unsigned long long)strings_size, (unsigned long long)strings_address);
    return;
  }
  Elf_Data *strings = elf_getdata_rawchunk(elf, (int64_t)offset, strings_size, ELF_T_BYTE);
  for (int index = 0; index < count && gelf_getdyn(entries, index, &entry); index++) {
    int kind = kind_of_tag(entry.d_tag);
    if (kind < 0) continue;
    char *text = text_at(strings, entry.d_un.d_val);
    if (!text || !append(&file->texts[kind], text)) {
      free(text);
      damaged(file, "entry %d of its dynamic section has no text", index);
      return;
    }
  }
}

static void read_loadable(struct ktstr_elf *file, Elf *elf) {
  size_t headers;
  if (elf_getphdrnum(elf, &headers) != 0 || headers > INT_MAX) {
    damaged(file, "its program headers cannot be read: %s", elf_errmsg(-1));
    return;
  }
  for (size_t index = 0; index < headers; index++) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf, (int)index, &header)) {
      damaged(file, "program header %zu cannot be read: %s", index, elf_errmsg(-1));
      return;
    }
    if (header.p_type == PT_INTERP && !file->interpreter) {
      Elf_Data *data = header.p_filesz > PATH_MAX ? NULL
                                                  : elf_getdata_rawchunk(
                                                        elf, (int64_t)header.p_offset,
                                                        header.p_filesz, ELF_T_BYTE);
      file->interpreter = text_at(data, 0);
      if (!file->interpreter) {
        damaged(file, "the name of its loader cannot be read");
        return;
      }
    }
    if (header.p_type == PT_DYNAMIC) read_dynamic(file, elf, headers, &header);
    if (file->kind == KTSTR_ELF_DAMAGED) return;
  }
}

struct ktstr_elf *ktstr_elf_read(int fd) {
  struct ktstr_elf *file = calloc(1, sizeof *file);
  if (!file) return NULL;
  elf_version(EV_CURRENT);
  // Read, not mapped: a file that somebody truncates must not end us.
  Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
  GElf_Ehdr header;
  if (!elf || elf_kind(elf) != ELF_K_ELF) {
    file->kind = KTSTR_ELF_NONE;
  } else if (!gelf_getehdr(elf, &header)) {
    damaged(file, "its header cannot be read: %s", elf_errmsg(-1));
  } else {
    file->machine = header.e_machine;
    file->bits = gelf_getclass(elf) == ELFCLASS64 ? 64 : 32;
    bool loadable = header.e_type == ET_EXEC || header.e_type == ET_DYN;
    file->kind = loadable ? KTSTR_ELF_LOADABLE : KTSTR_ELF_OTHER;
    if (loadable) read_loadable(file, elf);
  }
  elf_end(elf);
  return file;
}

void ktstr_elf_free(struct ktstr_elf *file) {
  for (int kind = 0; kind < 3; kind++) {
    for (size_t index = 0; index < file->texts[kind].count; index++) {
      free(file->texts[kind].items[index]);
    }
    free(file->texts[kind].items);
  }
  free(file->interpreter);
  free(file);
}

enum ktstr_elf_kind ktstr_elf_kind_of(const struct ktstr_elf *file) { return file->kind; }
const char *ktstr_elf_reason(const struct ktstr_elf *file) { return file->reason; }
uint16_t ktstr_elf_machine(const struct ktstr_elf *file) { return file->machine; }
int ktstr_elf_bits(const struct ktstr_elf *file) { return file->bits; }
const char *ktstr_elf_interpreter(const struct ktstr_elf *file) { return file->interpreter; }

size_t ktstr_elf_count_of(const struct ktstr_elf *file, enum ktstr_elf_text text) {
  return file->texts[text].count;
}

const char *ktstr_elf_text_at(
    const struct ktstr_elf *file, enum ktstr_elf_text text, size_t index) {
  return file->texts[text].items[index];
}
