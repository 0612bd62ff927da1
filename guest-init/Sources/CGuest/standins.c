#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// Stand-ins for what the C library calls only where init never goes. Its own bring message
// catalogues, character sets, formatted output and the resolver along: a third of a megabyte.

_Noreturn void __assert_fail(
    const char *expression, const char *file, unsigned line, const char *function);

/// Of the C library's start and its allocator; a handler of init says that it died.
_Noreturn void __assert_fail(
    const char *expression, const char *file, unsigned line, const char *function) {
  (void)expression, (void)file, (void)line, (void)function;
  abort();
}

/// Of `malloc_info`, which nobody calls.
int fprintf(FILE *file, const char *format, ...) {
  (void)file, (void)format;
  return -1;
}

/// A thread's resolver, which `pthread_create` sets up; nobody resolves names.
__thread void *__libc_resp;

char *__dcgettext(const char *domain, const char *text, int category);

/// Of the dynamic loader's messages.
char *__dcgettext(const char *domain, const char *text, int category) {
  (void)domain, (void)category;
  return (char *)text;
}
