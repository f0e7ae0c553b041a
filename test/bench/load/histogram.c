#include "histogram.h"

enum { STEP_BITS = 6 }; // log2 of HISTOGRAM_STEPS

static unsigned bucket_of(uint64_t nanoseconds) {
  if (nanoseconds < HISTOGRAM_STEPS) return (unsigned)nanoseconds;
  unsigned power = 63U - (unsigned)__builtin_clzll(nanoseconds);
  unsigned step = (unsigned)(nanoseconds >> (power - STEP_BITS)) % HISTOGRAM_STEPS;
  return (power - STEP_BITS + 1) * HISTOGRAM_STEPS + step;
}

static uint64_t lower_bound_of(unsigned bucket) {
  if (bucket < HISTOGRAM_STEPS) return bucket;
  unsigned power = bucket / HISTOGRAM_STEPS + STEP_BITS - 1;
  uint64_t step = bucket % HISTOGRAM_STEPS;
  return (1ULL << power) + (step << (power - STEP_BITS));
}

void histogram_add(struct histogram *histogram, uint64_t nanoseconds) {
  histogram->counts[bucket_of(nanoseconds)]++;
  histogram->total++;
}

double histogram_quantile_us(const struct histogram *histogram, double fraction) {
  uint64_t wanted = (uint64_t)((double)histogram->total * fraction);
  uint64_t seen = 0;
  for (unsigned bucket = 0; bucket < HISTOGRAM_POWERS * HISTOGRAM_STEPS; bucket++) {
    seen += histogram->counts[bucket];
    if (seen > wanted) return (double)lower_bound_of(bucket) / 1000;
  }
  return 0;
}
