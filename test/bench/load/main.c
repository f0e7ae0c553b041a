#include <stdio.h>
#include <string.h>

#include "durable.h"
#include "idle.h"
#include "options.h"
#include "probe.h"
#include "retained.h"
#include "routing.h"
#include "support.h"

int main(int argument_count, char **arguments) {
  struct options options = options_parse(argument_count, arguments);
  if (strcmp(options.mode, "fanin") == 0 || strcmp(options.mode, "fanout") == 0 || strcmp(options.mode, "p2p") == 0 || strcmp(options.mode, "subs") == 0) routing_run(&options);
  else if (strcmp(options.mode, "conn") == 0) idle_run(&options);
  else if (strcmp(options.mode, "retained") == 0) retained_run(&options);
  else if (strcmp(options.mode, "probe") == 0) probe_run(&options);
  else if (strcmp(options.mode, "dursub") == 0) durable_subscribe(&options);
  else if (strcmp(options.mode, "durpub") == 0) durable_publish(&options);
  else if (strcmp(options.mode, "durdrain") == 0) return durable_drain(&options);
  else {
    fprintf(stderr, "mqtt-load: there is no mode \"%s\" (--help lists them)\n", options.mode);
    return EXIT_USAGE;
  }
  return 0;
}
