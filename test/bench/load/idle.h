// Mode conn: what a connection costs that does nothing.
#ifndef LOAD_IDLE_H
#define LOAD_IDLE_H

#include "options.h"

void idle_run(const struct options *options);

#endif
