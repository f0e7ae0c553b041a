// A growable queue of bytes: appended at the end, taken from the front.
#ifndef LOAD_BUFFER_H
#define LOAD_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
  uint8_t *bytes;
  size_t capacity;
  size_t start;
  size_t end;
};

size_t buffer_length(const struct buffer *buffer);
const uint8_t *buffer_front(const struct buffer *buffer);
// Room for `size` bytes at the end, counted as appended; valid until the next call on this buffer.
uint8_t *buffer_extend(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *bytes, size_t size);
void buffer_take(struct buffer *buffer, size_t size);
void buffer_free(struct buffer *buffer);

#endif
