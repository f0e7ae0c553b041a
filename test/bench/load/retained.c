#include "retained.h"

#include <stdio.h>

#include "client.h"
#include "probe.h"
#include "publisher.h"
#include "sample.h"
#include "server.h"
#include "support.h"

enum {
  STORING_WINDOW = 256,
  STALL_SECONDS = 5, // without a message: nothing more will come
  MEMORY_EVERY_MS = 2,
};

struct retained {
  const struct options *options;
  struct loop loop;
  struct publisher *publisher;
  struct probe probe;
  struct client reader;
  uint32_t received;
  uint64_t first_ns; // 0 before the first message
  uint64_t last_ns;
  uint64_t memory_due_ns;
  long peak_kib;
};

static void on_acked(void *context, struct client *client, uint16_t packet_id, uint64_t received_ns) {
  struct retained *retained = context;
  (void)client;
  (void)packet_id;
  (void)received_ns;
  retained->publisher->settled++;
}

static void on_publication(void *context, struct client *client, const struct mqtt_publication *publication, uint64_t received_ns) {
  struct retained *retained = context;
  struct sample sample = sample_read(publication);
  if (client == &retained->probe.client) return probe_received(&retained->probe, &sample, received_ns);
  if (sample.publisher == PROBE_PUBLISHER) return; // "#" brings the probes as well
  retained->received++;
  retained->last_ns = received_ns;
  if (retained->first_ns == 0) retained->first_ns = received_ns;
}

// @returns messages stored per second.
static double store(struct retained *retained) {
  struct publisher *publisher = retained->publisher;
  for (uint32_t i = 0; i < publisher->topics; i++) publisher->packets[i].bytes[0] |= MQTT_RETAIN;
  uint64_t start_ns = now_ns();
  while (publisher->settled < publisher->topics) {
    while (publisher->sent < publisher->topics && publisher_in_flight(publisher) < STORING_WINDOW) publisher_send(publisher, now_ns());
    client_flush(&publisher->client);
    loop_turn(&retained->loop, 1);
  }
  return publisher->sent / ns_to_seconds(now_ns() - start_ns);
}

static void turn(struct retained *retained) {
  uint64_t now = now_ns();
  probe_turn(&retained->probe, now);
  loop_turn(&retained->loop, 0);
  if (now < retained->memory_due_ns) return;
  retained->memory_due_ns = now + MEMORY_EVERY_MS * 1000000ULL;
  long kib = server_resident_kib(retained->options->server_pid);
  if (kib > retained->peak_kib) retained->peak_kib = kib;
}

static bool is_ready(const void *context) {
  return ((const struct client *)context)->state == CLIENT_READY;
}

static void probe_for(struct retained *retained, double seconds) {
  uint64_t end_ns = now_ns() + seconds_to_ns(seconds);
  while (now_ns() < end_ns) turn(retained);
}

static void read_everything(struct retained *retained) {
  client_open(&retained->loop, &retained->reader, "bench-reader", true);
  loop_until(&retained->loop, is_ready, &retained->reader, "CONNACK");
  retained->peak_kib = server_resident_kib(retained->options->server_pid);
  client_subscribe(&retained->reader, "#", retained->options->qos);
  uint64_t start_ns = retained->last_ns = now_ns();
  client_flush(&retained->reader);
  retained->probe.next_ns = start_ns; // right behind it, before the server has read it
  uint32_t wanted = retained->publisher->topics;
  while ((retained->received < wanted || retained->probe.next_ns == UINT64_MAX) && now_ns() - retained->last_ns < STALL_SECONDS * NANOSECONDS_PER_SECOND) turn(retained);
  printf("\"first_message_ms\":%.3f,\"all_messages_ms\":%.1f,", ns_to_seconds(retained->first_ns - start_ns) * 1000,
         ns_to_seconds(retained->last_ns - start_ns) * 1000);
}

void retained_run(const struct options *options) {
  static struct retained retained; // static: the histogram is too large for the stack of a small board
  struct options storing = *options;
  storing.publishers = 1;
  storing.qos = 1;
  retained.options = options;
  struct client_events events = {.context = &retained, .publication = on_publication, .acked = on_acked};
  loop_start(&retained.loop, options->host, options->port, events);
  retained.publisher = publishers_open(&retained.loop, &storing);
  loop_until(&retained.loop, is_ready, &retained.publisher->client, "CONNACK");
  long empty_kib = server_resident_kib(options->server_pid);
  double stored_per_s = store(&retained);
  probe_start(&retained.probe, &retained.loop);
  probe_for(&retained, options->warmup);
  probe_forget(&retained.probe);
  probe_for(&retained, options->seconds);
  long stored_kib = server_resident_kib(options->server_pid);
  printf("{\"mode\":\"retained\",\"topics\":%d,\"payload\":%d,\"qos\":%d,\"stored_per_s\":%.0f,", options->topics, options->payload_bytes, options->qos, stored_per_s);
  probe_report(&retained.probe, "idle");
  read_everything(&retained);
  probe_report(&retained.probe, "sending");
  printf("\"received\":%u,\"missing\":%u,\"stored_kib\":%ld,\"sending_kib\":%ld}\n", retained.received, retained.publisher->topics - retained.received,
         stored_kib - empty_kib, retained.peak_kib - stored_kib);
}
