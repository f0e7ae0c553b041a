// Makes every fsync and fdatasync of a process take longer, as on an SD card:
//   SLOWSYNC_MS=200 LD_PRELOAD=slow-fsync.so server ...
// or, for a disk that changes meanwhile, as a file says that holds the number of milliseconds and is read at each flush:
//   SLOWSYNC_FILE=/tmp/flush-ms LD_PRELOAD=slow-fsync.so server ...
// A SIGKILL cannot show that a flush is missing, because the kernel keeps what was written. Time can: with a slow flush an
// acknowledgement that comes sooner than SLOWSYNC_MS after its message was given before the message was on the disk.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef int (*sync_function)(int);

static void wait_milliseconds(long milliseconds) {
  struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
  while (nanosleep(&left, &left) < 0 && errno == EINTR) continue;
}

static long milliseconds_in(const char *path) {
  char text[16] = "";
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  return length > 0 ? strtol(text, NULL, 10) : 0;
}

static long milliseconds_asked(void) {
  const char *path = getenv("SLOWSYNC_FILE");
  if (path != NULL) return milliseconds_in(path);
  const char *delay = getenv("SLOWSYNC_MS");
  return delay == NULL ? 0 : strtol(delay, NULL, 10);
}

// The wait comes before the flush: a process killed meanwhile leaves its data unflushed, as with a slow card.
static int slow(const char *name, int descriptor) {
  long milliseconds = milliseconds_asked();
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
