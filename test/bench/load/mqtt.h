// The few MQTT 3.1.1 packets a load generator needs, as bytes. No I/O.
#ifndef LOAD_MQTT_H
#define LOAD_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MQTT 3.1.1 §2.2.1, table 2.1
enum mqtt_packet_type {
  MQTT_CONNECT = 1,
  MQTT_CONNACK = 2,
  MQTT_PUBLISH = 3,
  MQTT_PUBACK = 4,
  MQTT_PUBREC = 5,
  MQTT_PUBREL = 6,
  MQTT_PUBCOMP = 7,
  MQTT_SUBSCRIBE = 8,
  MQTT_SUBACK = 9,
  MQTT_DISCONNECT = 14,
};

enum {
  MQTT_SMALL_PACKET_MAX = 256,     // bytes of any CONNECT, SUBSCRIBE or PUBLISH header written here
  MQTT_NAME_MAX = 64,              // bytes of a client identifier, topic name or filter, with its final zero
  MQTT_SUBACK_FAILURE = 0x80,      // §3.9.3
  MQTT_ACK_SIZE = 4,               // PUBACK, PUBREC, PUBREL, PUBCOMP
  MQTT_RETAIN = 0x01,              // flag of a PUBLISH, §3.3.1.3
  MQTT_DISCONNECT_SIZE = 2,
};

// Each writes one whole packet to `out` (MQTT_SMALL_PACKET_MAX bytes) and returns its size.
size_t mqtt_write_connect(uint8_t *out, const char *client_id, bool clean_session);
size_t mqtt_write_subscribe(uint8_t *out, uint16_t packet_id, const char *filter, int qos);
// PUBACK, PUBREC, PUBREL or PUBCOMP.
size_t mqtt_write_ack(uint8_t *out, enum mqtt_packet_type type, uint16_t packet_id);
size_t mqtt_write_disconnect(uint8_t *out);
// Everything of a PUBLISH before its payload; at QoS 1 and 2 the last two bytes are the packet identifier, left zero.
size_t mqtt_write_publish_header(uint8_t *out, const char *topic, int qos, size_t payload_size);

void mqtt_put_uint16(uint8_t *out, uint16_t value);
uint16_t mqtt_get_uint16(const uint8_t *bytes);

struct mqtt_packet {
  enum mqtt_packet_type type;
  uint8_t flags;
  const uint8_t *body; // what follows the fixed header, inside the bytes that were read
  size_t body_size;
  size_t size; // with the fixed header
};

enum mqtt_read_result { MQTT_READ_PACKET, MQTT_READ_MORE, MQTT_READ_MALFORMED };
enum mqtt_read_result mqtt_read_packet(const uint8_t *bytes, size_t size, struct mqtt_packet *packet);

struct mqtt_publication {
  int qos;
  uint16_t packet_id; // 0 at QoS 0
  const uint8_t *payload;
  size_t payload_size;
};

// false when the body is too short for what it announces
bool mqtt_read_publication(const struct mqtt_packet *packet, struct mqtt_publication *publication);

#endif
