// Writes how much CPU time each turn of a Node.js process took: from one poll of its sockets to the next.
//   TURN_TIMES=file LD_PRELOAD=turn-times.so node ...
// A client that says something in the middle of a turn waits for its end. Measured as CPU time of the thread, so that other work on the machine does not
// count. When the process ends, the file gets a line for each turn of 0.1 ms or more: when it began on CLOCK_MONOTONIC, and how long it took, in us.
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { TURNS_MAX = 1 << 18 };
static const uint64_t SHORTEST_US = 100;

typedef int (*poll_function)(int, struct epoll_event *, int, int, const sigset_t *);

static struct turn {
  uint64_t began_us, took_us;
} turns[TURNS_MAX];
static size_t turn_count;
static uint64_t began_us, cpu_before_us;
static bool is_turn_open;

static uint64_t clock_us(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void end_turn(void) {
  uint64_t took_us = clock_us(CLOCK_THREAD_CPUTIME_ID) - cpu_before_us;
  if (took_us < SHORTEST_US || turn_count == TURNS_MAX) return;
  turns[turn_count] = (struct turn){.began_us = began_us, .took_us = took_us};
  turn_count += 1;
}

int epoll_pwait(int epoll, struct epoll_event *events, int events_max, int timeout, const sigset_t *signals) {
  static poll_function real;
  // POSIX lets dlsym return code as an object pointer; C11 has no cast for it, a copy of the bytes is allowed.
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "epoll_pwait");
  bool is_main = getpid() == (pid_t)syscall(SYS_gettid); // worker threads poll too
  if (is_main && is_turn_open) end_turn();
  int ready = real(epoll, events, events_max, timeout, signals);
  if (!is_main) return ready;
  began_us = clock_us(CLOCK_MONOTONIC);
  cpu_before_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
  is_turn_open = true;
  return ready;
}

__attribute__((destructor)) static void write_turns(void) {
  const char *path = getenv("TURN_TIMES");
  FILE *file = path == NULL || turn_count == 0 ? NULL : fopen(path, "w");
  if (file == NULL) return;
  for (size_t at = 0; at < turn_count; at += 1) {
    fprintf(file, "%llu %llu\n", (unsigned long long)turns[at].began_us, (unsigned long long)turns[at].took_us);
  }
  fclose(file);
}
