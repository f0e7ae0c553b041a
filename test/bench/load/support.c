#include "support.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)time.tv_nsec;
}

uint64_t seconds_to_ns(double seconds) {
  return (uint64_t)(seconds * (double)NANOSECONDS_PER_SECOND);
}

double ns_to_seconds(uint64_t nanoseconds) {
  return (double)nanoseconds / (double)NANOSECONDS_PER_SECOND;
}

void fail(const char *format, ...) {
  va_list arguments;
  fputs("mqtt-load: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(EXIT_BROKEN_RUN);
}

void fail_errno(const char *what) {
  fail("%s: %s", what, strerror(errno));
}

void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL) fail("out of memory (%zu x %zu bytes)", count, size);
  return memory;
}

void *reallocate(void *memory, size_t size) {
  void *grown = realloc(memory, size);
  if (grown == NULL) fail("out of memory (%zu bytes)", size);
  return grown;
}
