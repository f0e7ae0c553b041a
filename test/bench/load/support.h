// Small things every file of the generator needs: time, and the one way to give up.
#ifndef LOAD_SUPPORT_H
#define LOAD_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#define NANOSECONDS_PER_SECOND 1000000000ULL

// Exit statuses; scripts/bench tells a failed verdict from a failed run by them.
enum {
  EXIT_NOT_PROVEN = 1, // durdrain: something acknowledged was lost or could not be checked
  EXIT_BROKEN_RUN = 2, // the run itself failed: no figure of it may be used
  EXIT_USAGE = 64,     // sysexits.h EX_USAGE
};

// Monotonic and the same for every process on this machine, so a message may be stamped by one run and read by the next.
uint64_t now_ns(void);
uint64_t seconds_to_ns(double seconds);
double ns_to_seconds(uint64_t nanoseconds);

// Prints "mqtt-load: ..." to stderr and exits with EXIT_BROKEN_RUN.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The same, with the text of errno.
_Noreturn void fail_errno(const char *what);

// Zeroed memory that the process keeps until it exits; fails instead of returning NULL.
void *allocate(size_t count, size_t size);
// Grows an allocation; fails instead of returning NULL. The added part is not initialised.
void *reallocate(void *memory, size_t size);

#endif
