#include "server.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

enum { PATH_SIZE = 320 };

// The first field of schedstat is run time in nanoseconds; /proc/PID/stat only counts clock ticks of 10 ms.
static uint64_t thread_cpu_ns(pid_t pid, const char *thread) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, thread);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0; // the thread ended while the directory was read
  unsigned long long nanoseconds = 0;
  if (fscanf(file, "%llu", &nanoseconds) != 1) nanoseconds = 0;
  fclose(file);
  return nanoseconds;
}

uint64_t server_cpu_ns(pid_t pid) {
  if (pid == 0) return 0;
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *directory = opendir(path);
  if (directory == NULL) fail("server process %d is not running", (int)pid);
  uint64_t total = 0;
  for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
    if (entry->d_name[0] != '.') total += thread_cpu_ns(pid, entry->d_name);
  }
  closedir(directory);
  return total;
}

long server_resident_kib(pid_t pid) {
  if (pid == 0) return 0;
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  long total_pages = 0;
  long resident_pages = 0;
  if (fscanf(file, "%ld %ld", &total_pages, &resident_pages) != 2) resident_pages = 0;
  fclose(file);
  return resident_pages * (sysconf(_SC_PAGESIZE) / 1024);
}

uint64_t own_cpu_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)time.tv_nsec;
}
