// The modes that check "what it acknowledged is never lost": dursub makes a persistent session, durpub fills it while it is offline and
// records what was acknowledged, durdrain empties it and compares. Run in this order over the same server data, which begins empty.
#ifndef LOAD_DURABLE_H
#define LOAD_DURABLE_H

#include "options.h"

#define DURABLE_CLIENT_ID "bench-durable"
#define DURABLE_FILTER "bench/#"

void durable_subscribe(const struct options *options);
void durable_publish(const struct options *options);
// The exit status: 0, or EXIT_NOT_PROVEN when something acknowledged is missing or could not be checked.
int durable_drain(const struct options *options);

#endif
