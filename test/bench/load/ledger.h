// Which messages of which publisher: a set of (publisher, sequence) that can be kept in a file between two runs.
#ifndef LOAD_LEDGER_H
#define LOAD_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

struct ledger_row {
  uint8_t *bits; // one per sequence from 0
  uint64_t byte_count;
};

struct ledger {
  uint32_t publisher_count;
  struct ledger_row *rows;
};

// What the publishing run saw, kept beside the set so that the checking run can tell whether it checked everything.
struct ledger_totals {
  uint64_t sent;
  uint64_t acked; // PUBACKs received, counted one by one and not from the set
};

struct ledger ledger_make(uint32_t publisher_count);
// false when it was in the set already, or when there is no such publisher
bool ledger_add(struct ledger *ledger, uint32_t publisher, uint32_t sequence);
bool ledger_has(const struct ledger *ledger, uint32_t publisher, uint32_t sequence);
uint64_t ledger_count(const struct ledger *ledger);
// Members of `wanted` that `found` does not have.
uint64_t ledger_missing(const struct ledger *wanted, const struct ledger *found);

// Both fail the run when the file cannot be written or is not one of ours from end to end.
void ledger_save(const struct ledger *ledger, struct ledger_totals totals, const char *path);
struct ledger ledger_load(const char *path, struct ledger_totals *totals);

#endif
