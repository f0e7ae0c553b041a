// The modes that measure routing: fanin, fanout, p2p; closed loop (a window) or open loop (a rate).
#ifndef LOAD_ROUTING_H
#define LOAD_ROUTING_H

#include "options.h"

// Packet identifiers in use must stay distinct.
enum { WINDOW_MAX = 32768 };

void routing_run(const struct options *options);

#endif
