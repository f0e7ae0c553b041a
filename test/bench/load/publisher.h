// One publishing client: its packet, how far it got, and what it may still send.
#ifndef LOAD_PUBLISHER_H
#define LOAD_PUBLISHER_H

#include <stdint.h>

#include "client.h"
#include "options.h"
#include "sample.h"

struct publisher {
  struct client client;
  struct publish_template *packets; // one per topic, sent in turn
  uint32_t topics;
  uint32_t first; // of the packets
  uint32_t sent;      // also the sequence of the next sample
  uint32_t settled;   // sent, and nothing more is expected of it
  uint32_t acked;     // routing: PUBACKs
  uint32_t delivered; // routing: copies that reached a subscriber
};

// Opens the publishers. The topic of publisher i is bench/i/data; with several each, bench/i/0/data, bench/i/1/data, ...
// In mode subs each goes through the topics of all, from another one on, so that one message after the other is for another subscriber.
struct publisher *publishers_open(struct loop *loop, const struct options *options);
// Puts one message into the output; the caller flushes. due_ns: see struct sample.
void publisher_send(struct publisher *publisher, uint64_t due_ns);
uint32_t publisher_in_flight(const struct publisher *publisher);
// Fills the window and flushes, once enough of it is free.
void publisher_refill(struct publisher *publisher, uint32_t window);

#endif
