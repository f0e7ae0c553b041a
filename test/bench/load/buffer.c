#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { INITIAL_CAPACITY = 512 };

size_t buffer_length(const struct buffer *buffer) {
  return buffer->end - buffer->start;
}

const uint8_t *buffer_front(const struct buffer *buffer) {
  return buffer->bytes + buffer->start;
}

static void make_room(struct buffer *buffer, size_t size) {
  size_t length = buffer_length(buffer);
  if (buffer->start > 0) {
    memmove(buffer->bytes, buffer_front(buffer), length);
    buffer->start = 0;
    buffer->end = length;
  }
  size_t capacity = buffer->capacity > 0 ? buffer->capacity : INITIAL_CAPACITY;
  while (capacity < length + size) capacity *= 2;
  if (capacity == buffer->capacity) return;
  buffer->bytes = reallocate(buffer->bytes, capacity);
  buffer->capacity = capacity;
}

uint8_t *buffer_extend(struct buffer *buffer, size_t size) {
  if (buffer->end + size > buffer->capacity) make_room(buffer, size);
  uint8_t *room = buffer->bytes + buffer->end;
  buffer->end += size;
  return room;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t size) {
  memcpy(buffer_extend(buffer, size), bytes, size);
}

void buffer_take(struct buffer *buffer, size_t size) {
  buffer->start += size;
  if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
}

void buffer_free(struct buffer *buffer) {
  free(buffer->bytes);
  *buffer = (struct buffer){0};
}
