#include "durable.h"

#include <signal.h>
#include <stdio.h>

#include "client.h"
#include "histogram.h"
#include "ledger.h"
#include "publisher.h"
#include "server.h"
#include "support.h"

enum {
  WAIT_MS = 1, // how late the end of the run may be noticed when nothing arrives
  PACKET_IDS = 65536,
  LAST_ANSWER_SECONDS = 5, // how long answers to the last messages are waited for
  COUNTED_SECONDS_MAX = 1800, // how long a given number of messages may take
};

// What a packet identifier stands for.
struct in_flight {
  bool is_used;
  uint32_t sequence;
  uint64_t sent_ns;
};

struct publishing {
  const struct options *options;
  struct loop loop;
  struct publisher *publishers;
  struct in_flight (*in_flight)[PACKET_IDS]; // per publisher
  uint32_t messages_each; // of each publisher
  struct ledger acked;
  uint64_t acked_count;
  uint64_t unexpected; // PUBACKs for nothing in flight
  uint64_t fastest_ns;
  struct histogram answer_time;
};

static void on_puback(void *context, struct client *client, uint16_t packet_id, uint64_t received_ns) {
  struct publishing *publishing = context;
  struct in_flight *message = &publishing->in_flight[client->index][packet_id];
  publishing->acked_count++;
  if (!message->is_used) {
    publishing->unexpected++;
    return;
  }
  message->is_used = false;
  publishing->publishers[client->index].settled++;
  ledger_add(&publishing->acked, client->index, message->sequence);
  uint64_t elapsed_ns = received_ns - message->sent_ns;
  if (elapsed_ns < publishing->fastest_ns) publishing->fastest_ns = elapsed_ns;
  histogram_add(&publishing->answer_time, elapsed_ns);
}

static bool is_everyone_ready(const void *context) {
  const struct publishing *publishing = context;
  return publishing->loop.ready_count == (uint32_t)publishing->options->publishers;
}

static void set_up(struct publishing *publishing, const struct options *options) {
  publishing->options = options;
  publishing->fastest_ns = UINT64_MAX;
  publishing->messages_each = options->messages > 0 ? (uint32_t)((options->messages + options->publishers - 1) / options->publishers) : UINT32_MAX;
  publishing->acked = ledger_make((uint32_t)options->publishers);
  publishing->in_flight = allocate((size_t)options->publishers, sizeof *publishing->in_flight);
  loop_start(&publishing->loop, options->host, options->port, (struct client_events){.context = publishing, .acked = on_puback});
  publishing->publishers = publishers_open(&publishing->loop, options);
  loop_until(&publishing->loop, is_everyone_ready, publishing, "CONNACK for every publisher");
}

// Each freed place is filled at once: the server decides how many messages share a commit, not the generator.
static void fill_window(struct publishing *publishing, struct publisher *publisher) {
  uint32_t window = (uint32_t)publishing->options->window;
  if (publisher->client.is_waiting_to_write || publisher_in_flight(publisher) >= window) return;
  uint64_t now = now_ns();
  while (publisher_in_flight(publisher) < window && publisher->sent < publishing->messages_each) {
    struct in_flight message = {.is_used = true, .sequence = publisher->sent, .sent_ns = now};
    publisher_send(publisher, now);
    publishing->in_flight[publisher->client.index][publisher->client.last_packet_id] = message;
  }
  client_flush(&publisher->client);
}

static bool is_everything_acked(const struct publishing *publishing) {
  return publishing->acked_count >= (uint64_t)publishing->messages_each * (uint64_t)publishing->options->publishers;
}

static void publish_until(struct publishing *publishing, uint64_t end_ns) {
  while (now_ns() < end_ns && !is_everything_acked(publishing)) {
    loop_turn(&publishing->loop, WAIT_MS);
    for (int i = 0; i < publishing->options->publishers; i++) fill_window(publishing, &publishing->publishers[i]);
  }
}

static bool is_anything_open(const struct publishing *publishing) {
  for (int i = 0; i < publishing->options->publishers; i++) {
    const struct publisher *publisher = &publishing->publishers[i];
    if (publisher->client.state == CLIENT_READY && publisher_in_flight(publisher) > 0) return true;
  }
  return false;
}

// After a kill this reads the PUBACKs that the server had already handed to the kernel: they count as given.
static void collect_answers(struct publishing *publishing) {
  uint64_t deadline = now_ns() + LAST_ANSWER_SECONDS * NANOSECONDS_PER_SECOND;
  while (is_anything_open(publishing) && now_ns() < deadline) loop_turn(&publishing->loop, WAIT_MS);
}

static void kill_server(struct publishing *publishing) {
  for (int i = 0; i < publishing->options->publishers; i++) publishing->publishers[i].client.may_be_closed = true;
  if (kill(publishing->options->server_pid, SIGKILL) < 0) fail_errno("kill");
}

static uint64_t sent_count(const struct publishing *publishing) {
  uint64_t total = 0;
  for (int i = 0; i < publishing->options->publishers; i++) total += publishing->publishers[i].sent;
  return total;
}

// The measured span; everything else is told over the whole run.
struct span {
  double seconds;
  double acked;
  double server_cpu_us;
};

static struct span measure(struct publishing *publishing) {
  const struct options *options = publishing->options;
  uint64_t from_ns = now_ns();
  uint64_t acked_before = publishing->acked_count;
  uint64_t cpu_before_ns = server_cpu_ns(options->server_pid);
  publish_until(publishing, from_ns + seconds_to_ns(options->messages > 0 ? COUNTED_SECONDS_MAX : options->seconds));
  return (struct span){
      .seconds = ns_to_seconds(now_ns() - from_ns),
      .acked = (double)(publishing->acked_count - acked_before),
      .server_cpu_us = (double)(server_cpu_ns(options->server_pid) - cpu_before_ns) / 1000,
  };
}

static void report(const struct publishing *publishing, struct ledger_totals totals, struct span span) {
  const struct options *options = publishing->options;
  printf("{\"mode\":\"durpub\",\"payload\":%d,\"in_flight\":%d,\"sent\":%llu,\"acked\":%llu,\"unexpected\":%llu,", options->payload_bytes,
         options->publishers * options->window, (unsigned long long)totals.sent, (unsigned long long)totals.acked,
         (unsigned long long)publishing->unexpected);
  printf("\"seconds\":%.3f,\"acked_per_s\":%.1f,\"server_cpu_us_per_message\":%.3f,", span.seconds, span.acked / span.seconds,
         span.acked > 0 ? span.server_cpu_us / span.acked : 0);
  printf("\"answer_us_min\":%.1f,\"answer_us_p50\":%.1f,\"answer_us_p99\":%.1f}\n",
         publishing->fastest_ns == UINT64_MAX ? 0 : (double)publishing->fastest_ns / 1000, histogram_quantile_us(&publishing->answer_time, 0.5),
         histogram_quantile_us(&publishing->answer_time, 0.99));
}

void durable_publish(const struct options *options) {
  static struct publishing publishing; // static: the histogram is too large for the stack of a small board
  set_up(&publishing, options);
  if (options->messages == 0) publish_until(&publishing, now_ns() + seconds_to_ns(options->warmup));
  struct span span = measure(&publishing);
  if (options->kill) kill_server(&publishing);
  collect_answers(&publishing);
  struct ledger_totals totals = {.sent = sent_count(&publishing), .acked = publishing.acked_count};
  ledger_save(&publishing.acked, totals, options->ack_file);
  report(&publishing, totals, span);
}
