// Durations in buckets of at most 1/64 relative width: memory does not grow with the number of messages.
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

enum {
  HISTOGRAM_STEPS = 64, // per power of two
  HISTOGRAM_POWERS = 60,
};

struct histogram {
  uint64_t counts[HISTOGRAM_POWERS * HISTOGRAM_STEPS];
  uint64_t total;
};

void histogram_add(struct histogram *histogram, uint64_t nanoseconds);
// Lower bound of the bucket that holds the given fraction (0 to 1) of the samples, in microseconds; 0 without samples.
double histogram_quantile_us(const struct histogram *histogram, double fraction);

#endif
