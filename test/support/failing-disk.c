// Makes calls on the files below a directory fail, as a full, broken or read-only disk does:
//   FAULT_DIRECTORY=/data FAULT_CONTROL=/run/fault LD_PRELOAD=failing-disk.so gateway ...
// As long as the control file exists it says, in one line, which calls fail and how: "ERRNO NTH CALL...", e.g. "5 3 write sync".
//   ERRNO  what a failing call leaves in errno; 0: a write takes half of what it was given, and says so
//   NTH    only the n-th such call fails, counted from when the line last changed; 0: every one
//   CALL   write, sync, truncate, open (for writing), remove; of one file only with its name behind it: sync:postern.db
// With FAULT_LOG every call is told of there, one line each: "write FILE OFFSET LENGTH", "sync FILE", and "failed CALL FILE [OFFSET LENGTH]".
// Memory that is mapped is not seen.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_MAX_BYTES 128

typedef struct {
  const char *name;
  long offset;
  size_t length;
} call;

typedef enum { PASSES, FAILS, IS_CUT_SHORT } verdict;

static _Atomic long counted = 0;
static _Atomic unsigned long line_seen = 0;

// POSIX lets dlsym return code as an object pointer; C11 has no cast for it, a copy of the bytes is allowed.
#define REAL(function)                       \
  static __typeof__(&function) real = NULL;  \
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, #function)

// Our own reads and writes go past everything that is interposed here.
static long read_line(const char *path, char *line) {
  long descriptor = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  long length = syscall(SYS_read, descriptor, line, LINE_MAX_BYTES - 1);
  syscall(SYS_close, descriptor);
  if (length >= 0) line[length] = '\0';
  return length;
}

static const char *file_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static void tell(const char *outcome, const call *made, const char *path) {
  static long log_descriptor = -1;
  const char *log_path = getenv("FAULT_LOG");
  if (log_path == NULL) return;
  if (log_descriptor < 0) log_descriptor = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  char line[PATH_MAX + LINE_MAX_BYTES];
  int length = snprintf(line, sizeof line, "%s%s %s %ld %zu\n", outcome, made->name, file_of(path), made->offset, made->length);
  syscall(SYS_write, log_descriptor, line, (size_t)length);
}

static unsigned long mixed(const char *text) {
  unsigned long hash = 5381;
  for (; *text != '\0'; text += 1) hash = hash * 33 + (unsigned char)*text;
  return hash;
}

static int is_meant(char *calls, const char *name, const char *file) {
  char *rest = NULL;
  for (char *each = strtok_r(calls, " \n", &rest); each != NULL; each = strtok_r(NULL, " \n", &rest)) {
    char *only = strchr(each, ':');
    if (only != NULL) *only = '\0';
    if (strcmp(each, name) == 0 && (only == NULL || strcmp(only + 1, file) == 0)) return 1;
  }
  return 0;
}

static verdict judged(const char *name, const char *path) {
  const char *control = getenv("FAULT_CONTROL");
  char line[LINE_MAX_BYTES];
  if (control == NULL || read_line(control, line) <= 0) {
    atomic_store(&line_seen, 0);
    return PASSES;
  }
  unsigned long hash = mixed(line);
  if (atomic_exchange(&line_seen, hash) != hash) atomic_store(&counted, 0);
  char *rest = line;
  long code = strtol(rest, &rest, 10);
  long nth = strtol(rest, &rest, 10);
  if (!is_meant(rest, name, file_of(path))) return PASSES;
  if (nth > 0 && atomic_fetch_add(&counted, 1) + 1 != nth) return PASSES;
  errno = (int)code;
  return code == 0 ? IS_CUT_SHORT : FAILS;
}

static int is_watched(const char *path) {
  const char *directory = getenv("FAULT_DIRECTORY");
  return directory != NULL && strncmp(path, directory, strlen(directory)) == 0;
}

static verdict judged_path(const call *made, const char *path) {
  if (!is_watched(path)) return PASSES;
  verdict found = judged(made->name, path);
  int code = errno;
  tell(found == PASSES ? "" : "failed ", made, path);
  errno = code;
  return found;
}

static verdict judged_descriptor(const call *made, int descriptor) {
  char link[64];
  char path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return PASSES;
  path[length] = '\0';
  return judged_path(made, path);
}

static size_t taken(verdict found, size_t length) {
  return found == IS_CUT_SHORT && length > 1 ? length / 2 : length;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
  REAL(pwrite64);
  call made = {"write", offset, length};
  verdict found = judged_descriptor(&made, descriptor);
  return found == FAILS ? -1 : real(descriptor, bytes, taken(found, length), offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
  return pwrite64(descriptor, bytes, length, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
  REAL(write);
  call made = {"write", -1, length};
  verdict found = judged_descriptor(&made, descriptor);
  return found == FAILS ? -1 : real(descriptor, bytes, taken(found, length));
}

int fsync(int descriptor) {
  REAL(fsync);
  call made = {"sync", 0, 0};
  return judged_descriptor(&made, descriptor) == FAILS ? -1 : real(descriptor);
}

int fdatasync(int descriptor) {
  REAL(fdatasync);
  call made = {"sync", 0, 0};
  return judged_descriptor(&made, descriptor) == FAILS ? -1 : real(descriptor);
}

int ftruncate64(int descriptor, off64_t length) {
  REAL(ftruncate64);
  call made = {"truncate", length, 0};
  return judged_descriptor(&made, descriptor) == FAILS ? -1 : real(descriptor, length);
}

int ftruncate(int descriptor, off_t length) {
  return ftruncate64(descriptor, length);
}

int unlink(const char *path) {
  REAL(unlink);
  call made = {"remove", 0, 0};
  return judged_path(&made, path) == FAILS ? -1 : real(path);
}

int open64(const char *path, int flags, ...) {
  REAL(open64);
  va_list list;
  va_start(list, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  call made = {"open", 0, 0};
  int is_for_writing = (flags & O_ACCMODE) != O_RDONLY;
  if (is_for_writing && judged_path(&made, path) == FAILS) return -1;
  return real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  return open64(path, flags, mode);
}
