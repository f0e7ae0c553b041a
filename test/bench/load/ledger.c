#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static const char MAGIC[8] = "PSTNACK1";

enum { FIRST_ROW_BYTES = 4096, PUBLISHERS_MAX = 10000 };
static const uint64_t ROW_BYTES_MAX = UINT32_MAX / 8 + 1ULL;

struct file_header {
  char magic[sizeof MAGIC];
  uint64_t publisher_count;
  struct ledger_totals totals;
};

struct ledger ledger_make(uint32_t publisher_count) {
  return (struct ledger){.publisher_count = publisher_count, .rows = allocate(publisher_count, sizeof(struct ledger_row))};
}

static void grow_row(struct ledger_row *row, uint64_t byte_count) {
  uint64_t grown = row->byte_count > 0 ? row->byte_count : FIRST_ROW_BYTES;
  while (grown < byte_count) grown *= 2;
  row->bits = reallocate(row->bits, grown);
  memset(row->bits + row->byte_count, 0, grown - row->byte_count);
  row->byte_count = grown;
}

bool ledger_has(const struct ledger *ledger, uint32_t publisher, uint32_t sequence) {
  if (publisher >= ledger->publisher_count) return false;
  const struct ledger_row *row = &ledger->rows[publisher];
  return sequence / 8 < row->byte_count && (row->bits[sequence / 8] >> sequence % 8 & 1) != 0;
}

bool ledger_add(struct ledger *ledger, uint32_t publisher, uint32_t sequence) {
  if (publisher >= ledger->publisher_count || ledger_has(ledger, publisher, sequence)) return false;
  struct ledger_row *row = &ledger->rows[publisher];
  if (sequence / 8 >= row->byte_count) grow_row(row, (uint64_t)sequence / 8 + 1);
  row->bits[sequence / 8] |= (uint8_t)(1U << sequence % 8);
  return true;
}

uint64_t ledger_count(const struct ledger *ledger) {
  struct ledger nothing = {0};
  return ledger_missing(ledger, &nothing);
}

static uint8_t bits_at(const struct ledger *ledger, uint32_t publisher, uint64_t byte) {
  if (publisher >= ledger->publisher_count || byte >= ledger->rows[publisher].byte_count) return 0;
  return ledger->rows[publisher].bits[byte];
}

uint64_t ledger_missing(const struct ledger *wanted, const struct ledger *found) {
  uint64_t missing = 0;
  for (uint32_t publisher = 0; publisher < wanted->publisher_count; publisher++) {
    const struct ledger_row *row = &wanted->rows[publisher];
    for (uint64_t byte = 0; byte < row->byte_count; byte++) {
      missing += (uint64_t)__builtin_popcount(row->bits[byte] & (uint8_t)~bits_at(found, publisher, byte));
    }
  }
  return missing;
}

static void write_all(FILE *file, const void *bytes, size_t size) {
  if (size > 0 && fwrite(bytes, size, 1, file) != 1) fail_errno("cannot write the ack file");
}

static void read_all(FILE *file, void *bytes, size_t size) {
  if (size > 0 && fread(bytes, size, 1, file) != 1) fail("the ack file ends too early");
}

void ledger_save(const struct ledger *ledger, struct ledger_totals totals, const char *path) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) fail_errno(path);
  struct file_header header = {.publisher_count = ledger->publisher_count, .totals = totals};
  memcpy(header.magic, MAGIC, sizeof MAGIC);
  write_all(file, &header, sizeof header);
  for (uint32_t publisher = 0; publisher < ledger->publisher_count; publisher++) {
    const struct ledger_row *row = &ledger->rows[publisher];
    write_all(file, &row->byte_count, sizeof row->byte_count);
    write_all(file, row->bits, row->byte_count);
  }
  if (fclose(file) != 0) fail_errno(path);
}

static void load_row(FILE *file, struct ledger_row *row) {
  read_all(file, &row->byte_count, sizeof row->byte_count);
  if (row->byte_count > ROW_BYTES_MAX) fail("the ack file is damaged");
  row->bits = allocate(row->byte_count + 1, 1);
  read_all(file, row->bits, row->byte_count);
}

struct ledger ledger_load(const char *path, struct ledger_totals *totals) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail_errno(path);
  struct file_header header;
  read_all(file, &header, sizeof header);
  if (memcmp(header.magic, MAGIC, sizeof MAGIC) != 0 || header.publisher_count > PUBLISHERS_MAX) fail("%s is not an ack file", path);
  struct ledger ledger = ledger_make((uint32_t)header.publisher_count);
  for (uint32_t publisher = 0; publisher < ledger.publisher_count; publisher++) load_row(file, &ledger.rows[publisher]);
  fclose(file);
  *totals = header.totals;
  return ledger;
}
