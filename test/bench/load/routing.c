#include "routing.h"

#include <stdio.h>
#include <string.h>

#include "client.h"
#include "histogram.h"
#include "publisher.h"
#include "sample.h"
#include "server.h"
#include "support.h"

enum {
  CLOSED_LOOP_WAIT_MS = 1, // how late the end of the run may be noticed when nothing arrives
  STALL_SECONDS = 1,
};

struct subscriber {
  struct client client;
  uint32_t *next_sequence; // per publisher
};

struct totals {
  uint64_t delivered;
  uint64_t duplicates; // arrived again or behind a later one of the same publisher
  uint64_t acked;
};

struct routing {
  const struct options *options;
  struct loop loop;
  struct publisher *publishers;
  struct subscriber *subscribers;
  uint32_t copies; // subscribers that each message reaches
  struct totals totals;
  uint64_t progress_seen; // delivered and acked together when they last changed
  uint64_t progress_ns;
  uint64_t stalled; // messages written off after STALL_SECONDS without progress
  uint32_t next_publisher;
  uint64_t first_due_ns;
  uint64_t due_count;
  bool is_measuring;
  uint64_t subscribing_ns; // from the first SUBSCRIBE to the last SUBACK
  long unsubscribed_kib;   // of the server's memory before the first
  long subscribed_kib;
  struct histogram latency; // of the measured span
};

// What was true at one end of the measured span.
struct mark {
  uint64_t time_ns;
  uint64_t server_cpu_ns;
  uint64_t own_cpu_ns;
  uint64_t published;
  uint64_t delivered;
};

static uint64_t published_total(const struct routing *routing) {
  uint64_t total = 0;
  for (int i = 0; i < routing->options->publishers; i++) total += routing->publishers[i].sent;
  return total;
}

static struct mark mark_now(const struct routing *routing) {
  return (struct mark){
      .time_ns = now_ns(),
      .server_cpu_ns = server_cpu_ns(routing->options->server_pid),
      .own_cpu_ns = own_cpu_ns(),
      .published = published_total(routing),
      .delivered = routing->totals.delivered,
  };
}

// A message is settled once its last copy arrived and, above QoS 0, its acknowledgement: both bound the window, whichever the server delays.
static void settle(struct publisher *publisher, uint32_t copies) {
  uint32_t settled = publisher->delivered / copies;
  if (publisher->packets[0].qos > 0 && publisher->acked < settled) settled = publisher->acked;
  if (settled > publisher->sent) settled = publisher->sent; // what was written off may still come
  if (settled > publisher->settled) publisher->settled = settled;
}

static void on_publication(void *context, struct client *client, const struct mqtt_publication *publication, uint64_t received_ns) {
  struct routing *routing = context;
  struct sample sample = sample_read(publication);
  if (sample.publisher >= (uint32_t)routing->options->publishers) fail("a message of publisher %u arrived, there is none", sample.publisher);
  uint32_t *next_sequence = &routing->subscribers[client->index].next_sequence[sample.publisher];
  if (sample.sequence < *next_sequence) {
    routing->totals.duplicates++;
    return;
  }
  *next_sequence = sample.sequence + 1;
  struct publisher *publisher = &routing->publishers[sample.publisher];
  publisher->delivered++;
  settle(publisher, routing->copies);
  routing->totals.delivered++;
  if (routing->is_measuring) histogram_add(&routing->latency, received_ns - sample.sent_ns);
}

static void on_acked(void *context, struct client *client, uint16_t packet_id, uint64_t received_ns) {
  (void)packet_id; // every acknowledgement counts; which one it is matters only to the durable modes
  (void)received_ns;
  struct routing *routing = context;
  struct publisher *publisher = &routing->publishers[client->index];
  publisher->acked++;
  settle(publisher, routing->copies);
  routing->totals.acked++;
}

static bool is_everyone_ready(const void *context) {
  const struct routing *routing = context;
  return routing->loop.ready_count == (uint32_t)(routing->options->publishers + routing->options->subscribers);
}

static bool is_everyone_subscribed(const void *context) {
  const struct routing *routing = context;
  for (int i = 0; i < routing->options->subscribers; i++) {
    if (routing->subscribers[i].client.subscribed_count < (uint32_t)routing->options->topics) return false;
  }
  return true;
}

static void open_subscribers(struct routing *routing) {
  const struct options *options = routing->options;
  routing->subscribers = allocate((size_t)options->subscribers, sizeof *routing->subscribers);
  for (int i = 0; i < options->subscribers; i++) {
    char client_id[MQTT_NAME_MAX];
    snprintf(client_id, sizeof client_id, "bench-sub-%d", i);
    struct subscriber *subscriber = &routing->subscribers[i];
    subscriber->client.index = (uint32_t)i;
    subscriber->next_sequence = allocate((size_t)options->publishers, sizeof *subscriber->next_sequence);
    client_open(&routing->loop, &subscriber->client, client_id, true);
  }
}

// In mode subs: of ten filters six are plain, and each selects one topic.
static void write_filter(char *filter, const struct options *options, int subscriber, int topic) {
  static const char *const SHAPES[] = {"bench/%d/%d/+", "bench/%d/%d/+", "bench/%d/%d/#", "+/%d/%d/data"};
  static const int SHAPES_OF_TEN = sizeof SHAPES / sizeof *SHAPES;
  if (strcmp(options->mode, "fanin") == 0) snprintf(filter, MQTT_NAME_MAX, "bench/#");
  else if (strcmp(options->mode, "fanout") == 0) snprintf(filter, MQTT_NAME_MAX, "bench/0/data");
  else if (strcmp(options->mode, "p2p") == 0) snprintf(filter, MQTT_NAME_MAX, "bench/%d/data", subscriber);
  else {
    int shape = (subscriber + topic) % 10;
    snprintf(filter, MQTT_NAME_MAX, shape < SHAPES_OF_TEN ? SHAPES[shape] : "bench/%d/%d/data", subscriber, topic);
  }
}

static void subscribe_all(struct routing *routing) {
  const struct options *options = routing->options;
  for (int i = 0; i < options->subscribers; i++) {
    struct client *client = &routing->subscribers[i].client;
    for (int topic = 0; topic < options->topics; topic++) {
      char filter[MQTT_NAME_MAX];
      write_filter(filter, options, i, topic);
      client_subscribe(client, filter, options->qos);
    }
    client_flush(client);
  }
}

static void set_up(struct routing *routing, const struct options *options) {
  routing->options = options;
  routing->copies = strcmp(options->mode, "fanout") == 0 ? (uint32_t)options->subscribers : 1;
  struct client_events events = {.context = routing, .publication = on_publication, .acked = on_acked};
  loop_start(&routing->loop, options->host, options->port, events);
  open_subscribers(routing);
  routing->publishers = publishers_open(&routing->loop, options);
  loop_until(&routing->loop, is_everyone_ready, routing, "CONNACK for every client");
  routing->unsubscribed_kib = server_resident_kib(options->server_pid);
  uint64_t start_ns = now_ns();
  subscribe_all(routing);
  loop_until(&routing->loop, is_everyone_subscribed, routing, "SUBACK for every subscriber");
  routing->subscribing_ns = now_ns() - start_ns;
  routing->subscribed_kib = server_resident_kib(options->server_pid);
}

// A server may drop QoS 0; without this the window would close for ever over what never arrives.
static void write_off_stalled(struct routing *routing, uint64_t now) {
  uint64_t progress = routing->totals.delivered + routing->totals.acked;
  if (progress != routing->progress_seen) {
    routing->progress_seen = progress;
    routing->progress_ns = now;
    return;
  }
  if (now - routing->progress_ns < STALL_SECONDS * NANOSECONDS_PER_SECOND) return;
  routing->progress_ns = now;
  for (int i = 0; i < routing->options->publishers; i++) {
    struct publisher *publisher = &routing->publishers[i];
    routing->stalled += publisher_in_flight(publisher);
    publisher->settled = publisher->sent;
    publisher->delivered = publisher->sent * routing->copies;
    publisher->acked = publisher->sent;
  }
}

static void closed_loop_step(struct routing *routing) {
  loop_turn(&routing->loop, CLOSED_LOOP_WAIT_MS);
  for (int i = 0; i < routing->options->publishers; i++) publisher_refill(&routing->publishers[i], (uint32_t)routing->options->window);
  write_off_stalled(routing, now_ns());
}

// Never sleeps: a sleeping core would have to be woken by the server's write, and the server would be billed for it.
static void open_loop_step(struct routing *routing) {
  loop_turn(&routing->loop, 0);
  uint64_t now = now_ns();
  for (;;) {
    uint64_t due_ns = routing->first_due_ns + seconds_to_ns((double)routing->due_count / routing->options->rate);
    if (due_ns > now) return;
    struct publisher *publisher = &routing->publishers[routing->next_publisher];
    publisher_send(publisher, due_ns);
    client_flush(&publisher->client);
    routing->next_publisher = (routing->next_publisher + 1) % (uint32_t)routing->options->publishers;
    routing->due_count++;
  }
}

static void step(struct routing *routing) {
  if (routing->options->rate > 0) open_loop_step(routing);
  else closed_loop_step(routing);
}

static void run_until(struct routing *routing, uint64_t end_ns) {
  while (now_ns() < end_ns) step(routing);
}

// What is still on its way when the measured span ends counts neither as delivered nor as lost.
static void collect_the_rest(struct routing *routing) {
  uint64_t wanted = published_total(routing) * routing->copies;
  uint64_t progress_ns = now_ns();
  uint64_t seen = routing->totals.delivered;
  while (routing->totals.delivered < wanted && now_ns() - progress_ns < STALL_SECONDS * NANOSECONDS_PER_SECOND) {
    loop_turn(&routing->loop, CLOSED_LOOP_WAIT_MS);
    if (routing->totals.delivered == seen) continue;
    seen = routing->totals.delivered;
    progress_ns = now_ns();
  }
}

static void report(const struct routing *routing, const struct mark *from, const struct mark *to) {
  const struct options *options = routing->options;
  double seconds = ns_to_seconds(to->time_ns - from->time_ns);
  double delivered = (double)(to->delivered - from->delivered);
  double server_cpu_us = (double)(to->server_cpu_ns - from->server_cpu_ns) / 1000;
  uint64_t wanted = published_total(routing) * routing->copies;
  printf("{\"mode\":\"%s\",\"qos\":%d,\"payload\":%d,\"publishers\":%d,\"subscribers\":%d,\"window\":%d,\"rate\":%g,", options->mode, options->qos,
         options->payload_bytes, options->publishers, options->subscribers, options->rate > 0 ? 0 : options->window, options->rate);
  printf("\"seconds\":%.3f,\"published_per_s\":%.1f,\"delivered\":%.0f,\"delivered_per_s\":%.1f,", seconds,
         (double)(to->published - from->published) / seconds, delivered, delivered / seconds);
  printf("\"server_cpu_us_per_message\":%.4f,\"server_cpu_share\":%.3f,\"generator_cpu_share\":%.3f,", delivered > 0 ? server_cpu_us / delivered : 0,
         server_cpu_us / 1e6 / seconds, ns_to_seconds(to->own_cpu_ns - from->own_cpu_ns) / seconds);
  printf("\"latency_us_p50\":%.1f,\"latency_us_p99\":%.1f,\"latency_us_p999\":%.1f,", histogram_quantile_us(&routing->latency, 0.5),
         histogram_quantile_us(&routing->latency, 0.99), histogram_quantile_us(&routing->latency, 0.999));
  printf("\"topics\":%d,\"subscribing_s\":%.4f,\"subscriptions_kib\":%ld,", options->topics, ns_to_seconds(routing->subscribing_ns),
         routing->subscribed_kib - routing->unsubscribed_kib);
  printf("\"lost\":%llu,\"duplicates\":%llu,\"stalled\":%llu,\"server_rss_kib\":%ld}\n", (unsigned long long)(wanted - routing->totals.delivered),
         (unsigned long long)routing->totals.duplicates, (unsigned long long)routing->stalled, server_resident_kib(options->server_pid));
}

static void leave_all(struct routing *routing) {
  for (int i = 0; i < routing->options->publishers; i++) client_leave(&routing->publishers[i].client);
  for (int i = 0; i < routing->options->subscribers; i++) client_leave(&routing->subscribers[i].client);
}

void routing_run(const struct options *options) {
  static struct routing routing; // static: the histogram is too large for the stack of a small board
  set_up(&routing, options);
  routing.first_due_ns = routing.progress_ns = now_ns();
  run_until(&routing, routing.first_due_ns + seconds_to_ns(options->warmup));
  routing.is_measuring = true;
  struct mark from = mark_now(&routing);
  run_until(&routing, from.time_ns + seconds_to_ns(options->seconds));
  struct mark to = mark_now(&routing);
  routing.is_measuring = false;
  collect_the_rest(&routing);
  report(&routing, &from, &to);
  leave_all(&routing);
}
