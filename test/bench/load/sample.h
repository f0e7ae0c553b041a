// What a payload carries so that its reader knows who sent it, when and as which in a row. Host byte order: both ends are this program.
#ifndef LOAD_SAMPLE_H
#define LOAD_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "mqtt.h"

struct sample {
  uint64_t sent_ns; // when it was due (open loop) or written (closed loop), by now_ns
  uint32_t publisher;
  uint32_t sequence; // per publisher, from 0
};

enum {
  SAMPLE_SIZE = 16, // bytes at the front of the payload; the rest is filler
  SAMPLE_PAYLOAD_MAX = 65536,
};

// A PUBLISH encoded once, of which only the packet identifier and the sample change.
struct publish_template {
  uint8_t *bytes;
  size_t size;
  size_t payload_at;
  int qos;
};

struct publish_template publish_template_make(const char *topic, int qos, size_t payload_size);
// Writes the whole packet to `out` (template->size bytes). packet_id is ignored at QoS 0.
void publish_template_write(const struct publish_template *template, uint8_t *out, uint16_t packet_id, const struct sample *sample);
// Fails the run when the payload is not one of ours.
struct sample sample_read(const struct mqtt_publication *publication);

#endif
