// Mode retained: a client that asks for everything that is retained, and what another client notices of it.
#ifndef LOAD_RETAINED_H
#define LOAD_RETAINED_H

#include "options.h"

void retained_run(const struct options *options);

#endif
