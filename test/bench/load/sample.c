#include "sample.h"

#include <string.h>

#include "support.h"

static const uint8_t FILLER = 'x';

struct publish_template publish_template_make(const char *topic, int qos, size_t payload_size) {
  uint8_t header[MQTT_SMALL_PACKET_MAX];
  size_t header_size = mqtt_write_publish_header(header, topic, qos, payload_size);
  struct publish_template template = {
      .bytes = allocate(1, header_size + payload_size),
      .size = header_size + payload_size,
      .payload_at = header_size,
      .qos = qos,
  };
  memcpy(template.bytes, header, header_size);
  memset(template.bytes + header_size, FILLER, payload_size);
  return template;
}

void publish_template_write(const struct publish_template *template, uint8_t *out, uint16_t packet_id, const struct sample *sample) {
  memcpy(out, template->bytes, template->size);
  if (template->qos > 0) mqtt_put_uint16(out + template->payload_at - 2, packet_id);
  uint8_t *payload = out + template->payload_at;
  memcpy(payload, &sample->sent_ns, sizeof sample->sent_ns);
  memcpy(payload + 8, &sample->publisher, sizeof sample->publisher);
  memcpy(payload + 12, &sample->sequence, sizeof sample->sequence);
}

struct sample sample_read(const struct mqtt_publication *publication) {
  const uint8_t *payload = publication->payload;
  if (publication->payload_size < SAMPLE_SIZE) fail("the server delivered a payload of %zu bytes, none that small was sent", publication->payload_size);
  struct sample sample;
  memcpy(&sample.sent_ns, payload, sizeof sample.sent_ns);
  memcpy(&sample.publisher, payload + 8, sizeof sample.publisher);
  memcpy(&sample.sequence, payload + 12, sizeof sample.sequence);
  return sample;
}
