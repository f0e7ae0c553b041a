#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
  const char *mode;
  const char *host; // IPv4 address
  uint16_t port;
  pid_t server_pid; // 0: the server's cost is not measured
  int publishers;
  int subscribers;
  int qos;
  int payload_bytes;
  int window;    // closed loop: messages in flight per publisher
  double rate;   // open loop: messages per second over all publishers; 0 means closed loop
  double warmup; // seconds under load before the measured ones
  double seconds;
  int topics;           // per publisher
  int connections;      // mode conn
  int from;             // mode conn: memory is counted from this many connections on
  double rest;          // mode conn: seconds of silence before memory is read
  int messages;         // mode durpub: so many in all instead of a time; 0: by time
  const char *ack_file; // modes durpub (written) and durdrain (read)
  bool kill;            // mode durpub: SIGKILL the server while messages are in flight
  double settle;        // mode durdrain: seconds without a message after which nothing more is expected
};

// Exits with EXIT_USAGE and one sentence when the command line cannot be run; --help prints the options and exits 0.
struct options options_parse(int argument_count, char **arguments);

#endif
