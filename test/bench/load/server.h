// What the server under load costs, read from /proc.
#ifndef LOAD_SERVER_H
#define LOAD_SERVER_H

#include <stdint.h>
#include <sys/types.h>

// Nanoseconds of CPU all living threads of the process have had, user and system together; 0 when pid is 0.
uint64_t server_cpu_ns(pid_t pid);
// Resident memory in KiB; 0 when pid is 0.
long server_resident_kib(pid_t pid);
// CPU time of this process, to tell when the generator and not the server was the bottleneck.
uint64_t own_cpu_ns(void);

#endif
