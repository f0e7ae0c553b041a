// A disk that lies: fsync and fdatasync succeed and do nothing.
//   LD_PRELOAD=no-fsync.so program ...
int fsync(int descriptor) {
  (void)descriptor;
  return 0;
}

int fdatasync(int descriptor) {
  (void)descriptor;
  return 0;
}
