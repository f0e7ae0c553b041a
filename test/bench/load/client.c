#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

enum {
  READ_BUFFER_SIZE = 256 * 1024, // larger than any packet of a run
  EVENTS_PER_TURN = 512,
  PATIENCE_SECONDS = 30, // for an answer that every server gives at once
};

void loop_start(struct loop *loop, const char *host, uint16_t port, struct client_events events) {
  *loop = (struct loop){.host = host, .port = port, .events = events};
  loop->read_buffer = allocate(1, READ_BUFFER_SIZE);
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (loop->epoll < 0) fail_errno("epoll_create1");
}

static void watch(struct client *client, int operation, bool for_writing) {
  struct epoll_event event = {.events = EPOLLIN | (for_writing ? EPOLLOUT : 0U), .data.ptr = client};
  if (epoll_ctl(client->loop->epoll, operation, client->socket, &event) < 0) fail_errno("epoll_ctl");
  client->is_waiting_to_write = for_writing;
}

static void close_client(struct client *client, const char *why) {
  if (!client->may_be_closed) fail("the server closed the connection of client %u (%s)", client->index, why);
  close(client->socket); // also leaves the epoll set
  client->state = CLIENT_CLOSED;
  buffer_free(&client->unread);
  buffer_free(&client->output);
}

void client_open(struct loop *loop, struct client *client, const char *client_id, bool clean_session) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(loop->port)};
  if (inet_pton(AF_INET, loop->host, &address.sin_addr) != 1) fail("\"%s\" is not an IPv4 address", loop->host);
  client->loop = loop;
  client->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (client->socket < 0) fail_errno("socket");
  int on = 1;
  // Nagle's algorithm would hold back the second packet of a window and measure itself.
  if (setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) fail_errno("setsockopt");
  if (connect(client->socket, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) fail_errno("connect");
  client->state = CLIENT_CONNECTING;
  uint8_t packet[MQTT_SMALL_PACKET_MAX];
  buffer_append(&client->output, packet, mqtt_write_connect(packet, client_id, clean_session));
  watch(client, EPOLL_CTL_ADD, true);
}

void client_subscribe(struct client *client, const char *filter, int qos) {
  uint8_t packet[MQTT_SMALL_PACKET_MAX];
  client->subscribed_qos = qos;
  buffer_append(&client->output, packet, mqtt_write_subscribe(packet, client_next_packet_id(client), filter, qos));
}

uint16_t client_next_packet_id(struct client *client) {
  client->last_packet_id = client->last_packet_id == UINT16_MAX ? 1 : (uint16_t)(client->last_packet_id + 1);
  return client->last_packet_id;
}

void client_flush(struct client *client) {
  if (client->state == CLIENT_CLOSED) return;
  while (buffer_length(&client->output) > 0) {
    ssize_t sent = send(client->socket, buffer_front(&client->output), buffer_length(&client->output), MSG_NOSIGNAL);
    if (sent >= 0) {
      buffer_take(&client->output, (size_t)sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return close_client(client, strerror(errno));
    if (!client->is_waiting_to_write) watch(client, EPOLL_CTL_MOD, true);
    return;
  }
  if (client->is_waiting_to_write) watch(client, EPOLL_CTL_MOD, false);
}

static void on_connack(struct client *client, const struct mqtt_packet *packet) {
  if (packet->body_size != 2) fail("malformed CONNACK");
  if (packet->body[1] != 0) fail("the server refused client %u: CONNACK return code %d", client->index, packet->body[1]);
  client->is_session_present = (packet->body[0] & 1) != 0;
  client->state = CLIENT_READY;
  client->loop->ready_count++;
}

static void on_suback(struct client *client, const struct mqtt_packet *packet) {
  if (packet->body_size != 3) fail("malformed SUBACK");
  int granted = packet->body[2];
  // A lower QoS than asked would make every figure of the run one of another workload.
  if (granted != client->subscribed_qos) fail("the server granted client %u QoS 0x%02x instead of %d", client->index, (unsigned)granted, client->subscribed_qos);
  client->subscribed_count++;
}

static void answer(struct client *client, enum mqtt_packet_type type, uint16_t packet_id) {
  mqtt_write_ack(buffer_extend(&client->output, MQTT_ACK_SIZE), type, packet_id);
}

static void on_publish(struct client *client, const struct mqtt_packet *packet, uint64_t received_ns) {
  struct mqtt_publication publication;
  if (!mqtt_read_publication(packet, &publication) || publication.qos > 2) fail("malformed PUBLISH");
  const struct client_events *events = &client->loop->events;
  if (events->publication == NULL) fail("client %u received a message, which nothing asked for", client->index);
  if (publication.qos > 0) answer(client, publication.qos == 1 ? MQTT_PUBACK : MQTT_PUBREC, publication.packet_id);
  events->publication(events->context, client, &publication, received_ns);
}

static void on_ack(struct client *client, const struct mqtt_packet *packet, uint64_t received_ns) {
  if (packet->body_size != 2) fail("malformed packet of type %d", (int)packet->type);
  uint16_t packet_id = mqtt_get_uint16(packet->body);
  if (packet->type == MQTT_PUBREC) return answer(client, MQTT_PUBREL, packet_id); // §4.3.3
  if (packet->type == MQTT_PUBREL) return answer(client, MQTT_PUBCOMP, packet_id);
  const struct client_events *events = &client->loop->events;
  if (events->acked == NULL) fail("client %u received an acknowledgement of %u, it published nothing", client->index, packet_id);
  events->acked(events->context, client, packet_id, received_ns);
}

static void on_packet(struct client *client, const struct mqtt_packet *packet, uint64_t received_ns) {
  switch (packet->type) {
    case MQTT_CONNACK: return on_connack(client, packet);
    case MQTT_SUBACK: return on_suback(client, packet);
    case MQTT_PUBLISH: return on_publish(client, packet, received_ns);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP: return on_ack(client, packet, received_ns);
    default: fail("the server sent a packet of type %d, which nothing asked for", (int)packet->type);
  }
}

static void decode(struct client *client, const uint8_t *bytes, size_t size) {
  uint64_t received_ns = now_ns();
  struct mqtt_packet packet;
  enum mqtt_read_result result = MQTT_READ_MORE;
  while (size > 0 && (result = mqtt_read_packet(bytes, size, &packet)) == MQTT_READ_PACKET) {
    on_packet(client, &packet, received_ns);
    bytes += packet.size;
    size -= packet.size;
  }
  if (size > 0 && result == MQTT_READ_MALFORMED) fail("the server sent a malformed remaining length"); // §2.2.3
  if (size > 0) buffer_append(&client->unread, bytes, size);
}

static void read_client(struct client *client) {
  uint8_t *bytes = client->loop->read_buffer;
  size_t kept = buffer_length(&client->unread);
  if (kept >= READ_BUFFER_SIZE) fail("the server sent a packet of more than %d bytes", READ_BUFFER_SIZE);
  ssize_t received = recv(client->socket, bytes + kept, READ_BUFFER_SIZE - kept, 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received <= 0) return close_client(client, received == 0 ? "end of stream" : strerror(errno));
  if (kept > 0) memcpy(bytes, buffer_front(&client->unread), kept);
  buffer_take(&client->unread, kept);
  decode(client, bytes, kept + (size_t)received);
  if (buffer_length(&client->output) > 0) client_flush(client);
}

void loop_turn(struct loop *loop, int timeout_ms) {
  struct epoll_event events[EVENTS_PER_TURN];
  int count = epoll_wait(loop->epoll, events, EVENTS_PER_TURN, timeout_ms);
  if (count < 0 && errno != EINTR) fail_errno("epoll_wait");
  for (int i = 0; i < count; i++) {
    struct client *client = events[i].data.ptr;
    if ((events[i].events & EPOLLOUT) != 0) client_flush(client);
    bool is_readable = (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    if (is_readable && client->state != CLIENT_CLOSED) read_client(client);
  }
}

void loop_until(struct loop *loop, bool (*is_done)(const void *context), const void *context, const char *what) {
  uint64_t deadline = now_ns() + seconds_to_ns(PATIENCE_SECONDS);
  while (!is_done(context)) {
    if (now_ns() > deadline) fail("%s did not come in %d s", what, PATIENCE_SECONDS);
    loop_turn(loop, 10);
  }
}

static bool is_closed(const void *context) {
  return ((const struct client *)context)->state == CLIENT_CLOSED;
}

void client_leave(struct client *client) {
  client->may_be_closed = true;
  mqtt_write_disconnect(buffer_extend(&client->output, MQTT_DISCONNECT_SIZE));
  client_flush(client);
  // The server only SHOULD close first (§3.14.4); the end of our stream makes it.
  if (client->state != CLIENT_CLOSED && buffer_length(&client->output) == 0) shutdown(client->socket, SHUT_WR);
  loop_until(client->loop, is_closed, client, "the end of the connection after DISCONNECT");
}
