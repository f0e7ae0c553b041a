#include "probe.h"

#include <stdio.h>

#include "server.h"
#include "support.h"

#define PROBE_TOPIC "probe"

enum { PROBE_PAUSE_US = 1000, WAIT_MS = 1 };

static bool is_ready(const void *context) {
  return ((const struct client *)context)->state == CLIENT_READY;
}

static bool is_subscribed(const void *context) {
  return ((const struct client *)context)->subscribed_count > 0;
}

void probe_start(struct probe *probe, struct loop *loop) {
  probe->packet = publish_template_make(PROBE_TOPIC, 0, SAMPLE_SIZE);
  client_open(loop, &probe->client, "bench-probe", true);
  loop_until(loop, is_ready, &probe->client, "CONNACK");
  client_subscribe(&probe->client, PROBE_TOPIC, 0);
  client_flush(&probe->client);
  loop_until(loop, is_subscribed, &probe->client, "SUBACK");
}

void probe_received(struct probe *probe, const struct sample *sample, uint64_t received_ns) {
  uint64_t round_trip_ns = received_ns - sample->sent_ns;
  histogram_add(&probe->round_trips, round_trip_ns);
  if (round_trip_ns > probe->longest_ns) probe->longest_ns = round_trip_ns;
  probe->next_ns = received_ns + PROBE_PAUSE_US * 1000ULL;
}

void probe_turn(struct probe *probe, uint64_t now) {
  if (now < probe->next_ns) return;
  struct sample sample = {.sent_ns = now, .publisher = PROBE_PUBLISHER};
  publish_template_write(&probe->packet, buffer_extend(&probe->client.output, probe->packet.size), 0, &sample);
  probe->next_ns = UINT64_MAX;
  client_flush(&probe->client);
}

void probe_forget(struct probe *probe) {
  probe->round_trips = (struct histogram){0};
  probe->longest_ns = 0;
}

void probe_report(struct probe *probe, const char *when) {
  printf("\"%s_round_trip_us_p50\":%.1f,\"%s_round_trip_us_p99\":%.1f,\"%s_round_trip_us_max\":%.1f,", when, histogram_quantile_us(&probe->round_trips, 0.5),
         when, histogram_quantile_us(&probe->round_trips, 0.99), when, (double)probe->longest_ns / 1000);
  probe_forget(probe);
}

static void on_publication(void *context, struct client *client, const struct mqtt_publication *publication, uint64_t received_ns) {
  (void)client;
  struct sample sample = sample_read(publication);
  probe_received(context, &sample, received_ns);
}

static void run_for(struct probe *probe, struct loop *loop, double seconds) {
  uint64_t end_ns = now_ns() + seconds_to_ns(seconds);
  for (uint64_t now = now_ns(); now < end_ns; now = now_ns()) {
    probe_turn(probe, now);
    loop_turn(loop, WAIT_MS);
  }
}

void probe_run(const struct options *options) {
  static struct probe probe; // static: the histogram is too large for the stack of a small board
  struct loop loop;
  loop_start(&loop, options->host, options->port, (struct client_events){.context = &probe, .publication = on_publication});
  probe_start(&probe, &loop);
  run_for(&probe, &loop, options->warmup);
  probe_forget(&probe);
  run_for(&probe, &loop, options->seconds);
  printf("{\"mode\":\"probe\",\"round_trips\":%llu,", (unsigned long long)probe.round_trips.total);
  probe_report(&probe, "probe");
  printf("\"server_rss_kib\":%ld}\n", server_resident_kib(options->server_pid));
}
