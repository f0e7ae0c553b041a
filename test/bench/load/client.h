// MQTT clients on one epoll loop: connects, subscribes, acknowledges what it receives, hands publications and PUBACKs on.
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "mqtt.h"

enum client_state {
  CLIENT_UNUSED,
  CLIENT_CONNECTING, // until CONNACK
  CLIENT_READY,
  CLIENT_CLOSED,
};

struct client {
  enum client_state state;
  int socket;
  uint32_t index; // the owner's number for it
  struct loop *loop;
  bool is_session_present; // valid once ready
  uint32_t subscribed_count; // SUBACKs
  bool is_waiting_to_write;
  bool may_be_closed; // the server ending the connection is part of the run, not a failure of it
  int subscribed_qos;
  uint16_t last_packet_id;
  struct buffer unread; // the front of a packet whose end has not arrived
  struct buffer output;
};

// Told about every publication and every PUBACK (QoS 2: PUBCOMP), with the time of the read that brought it. NULL: none may come, one fails the run.
struct client_events {
  void *context;
  void (*publication)(void *context, struct client *client, const struct mqtt_publication *publication, uint64_t received_ns);
  void (*acked)(void *context, struct client *client, uint16_t packet_id, uint64_t received_ns);
};

struct loop {
  int epoll;
  const char *host;
  uint16_t port;
  struct client_events events;
  uint8_t *read_buffer; // one for all: what is left of a packet moves to its client's `unread`
  uint32_t ready_count; // clients whose CONNACK came
};

void loop_start(struct loop *loop, const char *host, uint16_t port, struct client_events events);
// Reads and writes what can be; waits at most that many milliseconds for it.
void loop_turn(struct loop *loop, int timeout_ms);
// Turns the loop until is_done(context) or fails the run after `seconds` with `what` in the message.
void loop_until(struct loop *loop, bool (*is_done)(const void *context), const void *context, const char *what);

void client_open(struct loop *loop, struct client *client, const char *client_id, bool clean_session);
// Puts one SUBSCRIBE into `output`; the caller flushes.
void client_subscribe(struct client *client, const char *filter, int qos);
// 1 to 65535, in turn; the window keeps one from being given again while it is in use.
uint16_t client_next_packet_id(struct client *client);
// Sends what `output` holds, as far as the socket takes it.
void client_flush(struct client *client);
// DISCONNECT, then waits until the server has closed: only then is its session offline.
void client_leave(struct client *client);

#endif
