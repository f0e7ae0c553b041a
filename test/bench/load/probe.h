// A client that sends itself one message at a time: how long they take is how long the server serves others instead. And mode probe: only that.
#ifndef LOAD_PROBE_H
#define LOAD_PROBE_H

#include "client.h"
#include "histogram.h"
#include "options.h"
#include "sample.h"

enum { PROBE_PUBLISHER = UINT16_MAX }; // in its samples

struct probe {
  struct client client;
  struct publish_template packet;
  uint64_t next_ns; // UINT64_MAX while one is on its way
  uint64_t longest_ns;
  struct histogram round_trips;
};

// Connects and subscribes. The owner of the loop hands on what arrives at probe->client.
void probe_start(struct probe *probe, struct loop *loop);
void probe_received(struct probe *probe, const struct sample *sample, uint64_t received_ns);
// Sends the next one when it is due.
void probe_turn(struct probe *probe, uint64_t now);
void probe_forget(struct probe *probe);
// Prints members of a JSON object, each with a comma behind it, and forgets.
void probe_report(struct probe *probe, const char *when);
void probe_run(const struct options *options);

#endif
