#include "publisher.h"

#include <stdio.h>
#include <string.h>

#include "support.h"

static struct publish_template make_packet(const struct options *options, int publisher, int topic) {
  char name[MQTT_NAME_MAX];
  if (options->topics == 1 && strcmp(options->mode, "subs") != 0) snprintf(name, sizeof name, "bench/%d/data", publisher);
  else snprintf(name, sizeof name, "bench/%d/%d/data", publisher, topic);
  return publish_template_make(name, options->qos, (size_t)options->payload_bytes);
}

static struct publish_template *make_own_packets(const struct options *options, int publisher) {
  struct publish_template *packets = allocate((size_t)options->topics, sizeof *packets);
  for (int i = 0; i < options->topics; i++) packets[i] = make_packet(options, publisher, i);
  return packets;
}

static struct publish_template *make_all_packets(const struct options *options) {
  int count = options->publishers * options->topics;
  struct publish_template *packets = allocate((size_t)count, sizeof *packets);
  for (int i = 0; i < count; i++) packets[i] = make_packet(options, i % options->publishers, i / options->publishers);
  return packets;
}

struct publisher *publishers_open(struct loop *loop, const struct options *options) {
  struct publisher *publishers = allocate((size_t)options->publishers, sizeof *publishers);
  struct publish_template *all = strcmp(options->mode, "subs") == 0 ? make_all_packets(options) : NULL;
  for (int i = 0; i < options->publishers; i++) {
    char client_id[MQTT_NAME_MAX];
    snprintf(client_id, sizeof client_id, "bench-pub-%d", i);
    struct publisher *publisher = &publishers[i];
    publisher->client.index = (uint32_t)i;
    publisher->packets = all != NULL ? all : make_own_packets(options, i);
    publisher->topics = (uint32_t)(all != NULL ? options->publishers * options->topics : options->topics);
    publisher->first = all != NULL ? (uint32_t)(i * options->topics) : 0;
    client_open(loop, &publisher->client, client_id, true);
  }
  return publishers;
}

void publisher_send(struct publisher *publisher, uint64_t due_ns) {
  const struct publish_template *packet = &publisher->packets[(publisher->first + publisher->sent) % publisher->topics];
  uint16_t packet_id = packet->qos > 0 ? client_next_packet_id(&publisher->client) : 0;
  struct sample sample = {.sent_ns = due_ns, .publisher = publisher->client.index, .sequence = publisher->sent};
  publish_template_write(packet, buffer_extend(&publisher->client.output, packet->size), packet_id, &sample);
  publisher->sent++;
}

uint32_t publisher_in_flight(const struct publisher *publisher) {
  return publisher->sent - publisher->settled;
}

// A quarter of the window at a time: single messages would make the generator, not the server, decide how many packets share a read.
void publisher_refill(struct publisher *publisher, uint32_t window) {
  uint32_t in_flight = publisher_in_flight(publisher);
  uint32_t least = window >= 4 ? window / 4 : 1;
  if (in_flight + least > window || publisher->client.is_waiting_to_write) return;
  uint64_t now = now_ns();
  while (in_flight++ < window) publisher_send(publisher, now);
  client_flush(&publisher->client);
}
