#include "durable.h"

#include <stdio.h>

#include "client.h"
#include "ledger.h"
#include "sample.h"
#include "support.h"

enum {
  WAIT_MS = 1,
  DRAIN_SECONDS_MAX = 600,
};

struct draining {
  struct ledger acked;
  struct ledger received;
  uint64_t missing; // acknowledged and not yet received
  uint64_t received_count;
  uint64_t duplicates;
  uint64_t last_ns;
};

static bool is_ready(const void *context) {
  return ((const struct client *)context)->state == CLIENT_READY;
}

static bool is_subscribed(const void *context) {
  return ((const struct client *)context)->subscribed_count > 0;
}

static void open_session(struct loop *loop, struct client *client, const struct options *options, struct client_events events) {
  loop_start(loop, options->host, options->port, events);
  client_open(loop, client, DURABLE_CLIENT_ID, false);
  loop_until(loop, is_ready, client, "CONNACK");
}

void durable_subscribe(const struct options *options) {
  struct loop loop;
  struct client client = {0};
  open_session(&loop, &client, options, (struct client_events){0});
  client_subscribe(&client, DURABLE_FILTER, 1);
  client_flush(&client);
  loop_until(&loop, is_subscribed, &client, "SUBACK");
  client_leave(&client);
  printf("{\"mode\":\"dursub\",\"session_present\":%d}\n", client.is_session_present);
}

static void on_publication(void *context, struct client *client, const struct mqtt_publication *publication, uint64_t received_ns) {
  (void)client;
  struct draining *draining = context;
  struct sample sample = sample_read(publication);
  if (sample.publisher >= draining->acked.publisher_count) fail("a message of publisher %u arrived, the ack file has none", sample.publisher);
  draining->received_count++;
  draining->last_ns = received_ns;
  bool is_new = ledger_add(&draining->received, sample.publisher, sample.sequence);
  if (!is_new) draining->duplicates++;
  if (is_new && ledger_has(&draining->acked, sample.publisher, sample.sequence)) draining->missing--;
}

// Ends with the last acknowledged message: what was sent and never acknowledged may come or not.
static void drain(struct loop *loop, struct draining *draining, double settle_seconds) {
  uint64_t patience_ns = seconds_to_ns(settle_seconds);
  uint64_t deadline = now_ns() + DRAIN_SECONDS_MAX * NANOSECONDS_PER_SECOND;
  while (draining->missing > 0 && now_ns() < deadline && now_ns() - draining->last_ns < patience_ns) loop_turn(loop, WAIT_MS);
}

int durable_drain(const struct options *options) {
  struct ledger_totals totals;
  struct draining draining = {.acked = ledger_load(options->ack_file, &totals)};
  draining.received = ledger_make(draining.acked.publisher_count);
  uint64_t checked = ledger_count(&draining.acked);
  draining.missing = checked;
  struct loop loop;
  struct client client = {0};
  uint64_t from_ns = draining.last_ns = now_ns();
  open_session(&loop, &client, options, (struct client_events){.context = &draining, .publication = on_publication});
  drain(&loop, &draining, options->settle);
  double seconds = ns_to_seconds(draining.last_ns - from_ns);
  uint64_t lost = ledger_missing(&draining.acked, &draining.received);
  client_leave(&client);
  printf("{\"mode\":\"durdrain\",\"session_present\":%d,\"sent\":%llu,\"acked\":%llu,\"checked\":%llu,\"acked_lost\":%llu,", client.is_session_present,
         (unsigned long long)totals.sent, (unsigned long long)totals.acked, (unsigned long long)checked, (unsigned long long)lost);
  printf("\"received\":%llu,\"duplicates\":%llu,\"seconds\":%.3f,\"received_per_s\":%.0f}\n", (unsigned long long)draining.received_count,
         (unsigned long long)draining.duplicates, seconds, seconds > 0 ? (double)draining.received_count / seconds : 0);
  if (checked >= totals.acked) return lost > 0 ? EXIT_NOT_PROVEN : 0;
  fprintf(stderr, "mqtt-load: only %llu of %llu acknowledged messages could be checked\n", (unsigned long long)checked, (unsigned long long)totals.acked);
  return EXIT_NOT_PROVEN;
}
