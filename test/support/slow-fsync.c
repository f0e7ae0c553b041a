// Makes every fsync and fdatasync of a process take longer, as on an SD card:
//   SLOWSYNC_MS=200 LD_PRELOAD=slow-fsync.so server ...
// A SIGKILL cannot show that a flush is missing, because the kernel keeps what was written. Time can: with a slow flush an
// acknowledgement that comes sooner than SLOWSYNC_MS after its message was given before the message was on the disk.
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

typedef int (*sync_function)(int);

static void wait_milliseconds(long milliseconds) {
  struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
  while (nanosleep(&left, &left) < 0 && errno == EINTR) continue;
}

// The wait comes before the flush: a process killed meanwhile leaves its data unflushed, as with a slow card.
static int slow(const char *name, int descriptor) {
  const char *delay = getenv("SLOWSYNC_MS");
  long milliseconds = delay == NULL ? 0 : strtol(delay, NULL, 10);
  if (milliseconds > 0) wait_milliseconds(milliseconds);
  sync_function real;
  // POSIX lets dlsym return code as an object pointer; C11 has no cast for it, a copy of the bytes is allowed.
  *(void **)&real = dlsym(RTLD_NEXT, name);
  if (real == NULL) {
    errno = ENOSYS;
    return -1;
  }
  return real(descriptor);
}

int fsync(int descriptor) {
  return slow("fsync", descriptor);
}

int fdatasync(int descriptor) {
  return slow("fdatasync", descriptor);
}
