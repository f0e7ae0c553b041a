#include "idle.h"

#include <stdio.h>
#include <sys/resource.h>

#include "client.h"
#include "server.h"
#include "support.h"

enum {
  HANDSHAKES_AT_ONCE = 64, // below the listen backlog of Mosquitto (100): a SYN beyond it waits a second for its repetition
  SPARE_DESCRIPTORS = 64,
};

struct idle {
  struct loop loop;
  struct client *clients;
  uint32_t opened;
};

static void allow_descriptors(int connections) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) fail_errno("getrlimit");
  rlim_t wanted = (rlim_t)connections + SPARE_DESCRIPTORS;
  if (wanted > limit.rlim_max) fail("%d connections need ulimit -n of %llu", connections, (unsigned long long)wanted);
  if (wanted <= limit.rlim_cur) return;
  limit.rlim_cur = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail_errno("setrlimit");
}

static void open_next(struct idle *idle) {
  char client_id[MQTT_NAME_MAX];
  snprintf(client_id, sizeof client_id, "bench-idle-%u", idle->opened);
  struct client *client = &idle->clients[idle->opened];
  client->index = idle->opened++;
  client_open(&idle->loop, client, client_id, true);
}

static void open_all(struct idle *idle, uint32_t connections) {
  while (idle->loop.ready_count < connections) {
    while (idle->opened < connections && idle->opened - idle->loop.ready_count < HANDSHAKES_AT_ONCE) open_next(idle);
    loop_turn(&idle->loop, 1);
  }
}

// The server's memory is read after buffers of the handshakes had time to be given back.
static void rest(struct idle *idle, double seconds) {
  uint64_t end_ns = now_ns() + seconds_to_ns(seconds);
  while (now_ns() < end_ns) loop_turn(&idle->loop, 100);
}

void idle_run(const struct options *options) {
  struct idle idle = {.clients = allocate((size_t)options->connections, sizeof *idle.clients)};
  allow_descriptors(options->connections);
  loop_start(&idle.loop, options->host, options->port, (struct client_events){0});
  open_all(&idle, (uint32_t)options->from);
  if (options->from > 0) rest(&idle, options->rest);
  long rss_before_kib = server_resident_kib(options->server_pid);
  uint64_t cpu_before_ns = server_cpu_ns(options->server_pid);
  uint64_t start_ns = now_ns();
  open_all(&idle, (uint32_t)options->connections);
  int counted = options->connections - options->from;
  double seconds = ns_to_seconds(now_ns() - start_ns);
  double cpu_us = (double)(server_cpu_ns(options->server_pid) - cpu_before_ns) / 1000;
  rest(&idle, options->rest);
  long rss_after_kib = server_resident_kib(options->server_pid);
  printf("{\"mode\":\"conn\",\"connections\":%d,\"connections_per_s\":%.0f,\"server_cpu_us_per_connection\":%.1f,", options->connections,
         counted / seconds, cpu_us / counted);
  printf("\"server_rss_before_kib\":%ld,\"server_rss_after_kib\":%ld,\"kib_per_connection\":%.2f}\n", rss_before_kib, rss_after_kib,
         (double)(rss_after_kib - rss_before_kib) / counted);
}
