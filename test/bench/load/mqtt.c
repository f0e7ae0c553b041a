#include "mqtt.h"

#include <string.h>

enum {
  KEEP_ALIVE_SECONDS = 3600, // never due in a run, but the server has the timer to keep that real clients give it
  CONNECT_FLAG_CLEAN_SESSION = 0x02,
  REMAINING_LENGTH_BYTES_MAX = 4, // §2.2.3
};

void mqtt_put_uint16(uint8_t *out, uint16_t value) {
  out[0] = (uint8_t)(value >> 8);
  out[1] = (uint8_t)value;
}

uint16_t mqtt_get_uint16(const uint8_t *bytes) {
  return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static size_t write_fixed_header(uint8_t *out, enum mqtt_packet_type type, unsigned flags, size_t remaining_length) {
  size_t size = 0;
  out[size++] = (uint8_t)((unsigned)type << 4 | flags);
  do { // §2.2.3
    uint8_t digit = (uint8_t)(remaining_length % 128);
    remaining_length /= 128;
    out[size++] = (uint8_t)(remaining_length > 0 ? digit | 0x80 : digit);
  } while (remaining_length > 0);
  return size;
}

static size_t write_string(uint8_t *out, const char *text) {
  size_t length = strlen(text);
  mqtt_put_uint16(out, (uint16_t)length);
  memcpy(out + 2, text, length);
  return 2 + length;
}

size_t mqtt_write_connect(uint8_t *out, const char *client_id, bool clean_session) {
  static const uint8_t protocol[] = {0, 4, 'M', 'Q', 'T', 'T', 4}; // §3.1.2.1, §3.1.2.2
  size_t size = write_fixed_header(out, MQTT_CONNECT, 0, sizeof protocol + 1 + 2 + 2 + strlen(client_id));
  memcpy(out + size, protocol, sizeof protocol);
  size += sizeof protocol;
  out[size++] = clean_session ? CONNECT_FLAG_CLEAN_SESSION : 0;
  mqtt_put_uint16(out + size, KEEP_ALIVE_SECONDS);
  size += 2;
  return size + write_string(out + size, client_id);
}

size_t mqtt_write_subscribe(uint8_t *out, uint16_t packet_id, const char *filter, int qos) {
  size_t size = write_fixed_header(out, MQTT_SUBSCRIBE, 0x02, 2 + 2 + strlen(filter) + 1); // flags: MQTT-3.8.1-1
  mqtt_put_uint16(out + size, packet_id);
  size += 2;
  size += write_string(out + size, filter);
  out[size++] = (uint8_t)qos;
  return size;
}

size_t mqtt_write_ack(uint8_t *out, enum mqtt_packet_type type, uint16_t packet_id) {
  unsigned flags = type == MQTT_PUBREL ? 0x02 : 0; // MQTT-3.6.1-1
  out[0] = (uint8_t)((unsigned)type << 4 | flags);
  out[1] = 2;
  mqtt_put_uint16(out + 2, packet_id);
  return MQTT_ACK_SIZE;
}

size_t mqtt_write_disconnect(uint8_t *out) {
  return write_fixed_header(out, MQTT_DISCONNECT, 0, 0);
}

size_t mqtt_write_publish_header(uint8_t *out, const char *topic, int qos, size_t payload_size) {
  size_t packet_id_size = qos > 0 ? 2 : 0;
  size_t size = write_fixed_header(out, MQTT_PUBLISH, (unsigned)qos << 1, 2 + strlen(topic) + packet_id_size + payload_size);
  size += write_string(out + size, topic);
  memset(out + size, 0, packet_id_size);
  return size + packet_id_size;
}

enum mqtt_read_result mqtt_read_packet(const uint8_t *bytes, size_t size, struct mqtt_packet *packet) {
  size_t body_size = 0;
  size_t at = 1;
  for (unsigned shift = 0;; shift += 7) {
    if (at > REMAINING_LENGTH_BYTES_MAX) return MQTT_READ_MALFORMED;
    if (at >= size) return MQTT_READ_MORE;
    uint8_t digit = bytes[at++];
    body_size |= (size_t)(digit & 0x7f) << shift;
    if ((digit & 0x80) == 0) break;
  }
  packet->type = (enum mqtt_packet_type)(bytes[0] >> 4);
  packet->flags = bytes[0] & 0x0f;
  packet->body = bytes + at;
  packet->body_size = body_size;
  packet->size = at + body_size;
  return packet->size <= size ? MQTT_READ_PACKET : MQTT_READ_MORE;
}

bool mqtt_read_publication(const struct mqtt_packet *packet, struct mqtt_publication *publication) {
  if (packet->body_size < 2) return false;
  publication->qos = packet->flags >> 1 & 3;
  size_t at = 2 + (size_t)mqtt_get_uint16(packet->body);
  size_t payload_at = publication->qos > 0 ? at + 2 : at;
  if (payload_at > packet->body_size) return false;
  publication->packet_id = publication->qos > 0 ? mqtt_get_uint16(packet->body + at) : 0;
  publication->payload = packet->body + payload_at;
  publication->payload_size = packet->body_size - payload_at;
  return true;
}
