#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routing.h"
#include "sample.h"
#include "support.h"

static const char HELP[] =
    "mqtt-load: load for an MQTT 3.1.1 server from one thread; prints one JSON line\n"
    "\n"
    "  --mode MODE        fanin     many publishers, one subscriber\n"
    "                     fanout    one publisher, many subscribers\n"
    "                     p2p       pairs: each publisher has its own subscriber\n"
    "                     subs      each subscriber has --topics filters, each publisher goes through the topics of all\n"
    "                     conn      idle connections\n"
    "                     retained  --topics retained messages, a subscriber of #, and how long another client waits meanwhile\n"
    "                     probe     how long a message to oneself takes\n"
    "                     dursub    makes the persistent session that durpub fills and durdrain empties\n"
    "                     durpub    publishes at QoS 1 and records what was acknowledged\n"
    "                     durdrain  counts what was acknowledged and did not arrive\n"
    "  --port PORT        --host ADDRESS (127.0.0.1)\n"
    "  --pid PID          the server, for its CPU time and memory\n"
    "  --publishers N (1) --subscribers N (1; fanout only)\n"
    "  --qos 0|1|2 (0)    --payload BYTES (64)\n"
    "  --topics N (1)     subs: of each subscriber; retained: in all\n"
    "  --window N         messages in flight per publisher (fanin 8, fanout 32, others 16)\n"
    "  --rate N           messages per second in all, sent when due and not when answered\n"
    "  --warmup S (1.5)   --seconds S (5)\n"
    "  --connections N    for conn: so many; --from M (0) counts memory from the Mth on; --rest S (2) of silence before it is read\n"
    "  --ack-file FILE    for durpub and durdrain\n"
    "  --messages N       durpub: so many in all, instead of --warmup and --seconds\n"
    "  --kill             durpub: SIGKILL the server at the end, with messages in flight\n"
    "  --settle S (2)     durdrain: give up after that long without a message\n"
    "\n"
    "Exit status: 0; 1 durdrain could not prove that nothing was lost; 2 the run failed; 64 wrong usage.\n";

static _Noreturn void usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void usage(const char *format, ...) {
  va_list arguments;
  fputs("mqtt-load: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputs(" (--help lists the options)\n", stderr);
  exit(EXIT_USAGE);
}

static double parse_number(const char *name, const char *text, double least, double most) {
  char *end = NULL;
  errno = 0;
  double number = strtod(text, &end);
  // Written so that NaN is refused as well.
  bool is_in_range = number >= least && number <= most;
  if (errno != 0 || end == text || *end != '\0' || !is_in_range) usage("--%s wants a number from %g to %g, not \"%s\"", name, least, most, text);
  return number;
}

static int parse_count(const char *name, const char *text, int least, int most) {
  double number = parse_number(name, text, least, most);
  if (number != (int)number) usage("--%s wants a whole number, not \"%s\"", name, text);
  return (int)number;
}

enum { PUBLISHERS_MAX = 10000, CONNECTIONS_MAX = 60000, TOPICS_MAX = 1000000, SECONDS_MAX = 3600, RATE_MAX = 10000000, MESSAGES_MAX = 100000000, PID_MAX = 4194304 };

static const struct option LONG_OPTIONS[] = {
    {"mode", required_argument, NULL, 'm'},        {"host", required_argument, NULL, 'H'},     {"port", required_argument, NULL, 'p'},
    {"pid", required_argument, NULL, 'P'},         {"publishers", required_argument, NULL, 'n'}, {"subscribers", required_argument, NULL, 's'},
    {"qos", required_argument, NULL, 'q'},         {"payload", required_argument, NULL, 'b'},  {"window", required_argument, NULL, 'w'},
    {"rate", required_argument, NULL, 'r'},        {"warmup", required_argument, NULL, 'u'},   {"seconds", required_argument, NULL, 'd'},
    {"connections", required_argument, NULL, 'c'}, {"ack-file", required_argument, NULL, 'a'}, {"kill", no_argument, NULL, 'k'},
    {"topics", required_argument, NULL, 'T'},      {"from", required_argument, NULL, 'f'},     {"rest", required_argument, NULL, 'R'},
    {"settle", required_argument, NULL, 't'},      {"messages", required_argument, NULL, 'M'}, {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void set_option(struct options *options, int letter, const char *name, const char *value) {
  switch (letter) {
    case 'm': options->mode = value; break;
    case 'H': options->host = value; break;
    case 'p': options->port = (uint16_t)parse_count(name, value, 1, UINT16_MAX); break;
    case 'P': options->server_pid = parse_count(name, value, 1, PID_MAX); break;
    case 'n': options->publishers = parse_count(name, value, 1, PUBLISHERS_MAX); break;
    case 's': options->subscribers = parse_count(name, value, 1, PUBLISHERS_MAX); break;
    case 'q': options->qos = parse_count(name, value, 0, 2); break;
    case 'b': options->payload_bytes = parse_count(name, value, SAMPLE_SIZE, SAMPLE_PAYLOAD_MAX); break;
    case 'w': options->window = parse_count(name, value, 1, WINDOW_MAX); break;
    case 'r': options->rate = parse_number(name, value, 0, RATE_MAX); break;
    case 'u': options->warmup = parse_number(name, value, 0, SECONDS_MAX); break;
    case 'd': options->seconds = parse_number(name, value, 0.05, SECONDS_MAX); break;
    case 'c': options->connections = parse_count(name, value, 1, CONNECTIONS_MAX); break;
    case 'T': options->topics = parse_count(name, value, 1, TOPICS_MAX); break;
    case 'f': options->from = parse_count(name, value, 0, CONNECTIONS_MAX); break;
    case 'R': options->rest = parse_number(name, value, 0, SECONDS_MAX); break;
    case 'a': options->ack_file = value; break;
    case 'M': options->messages = parse_count(name, value, 1, MESSAGES_MAX); break;
    case 'k': options->kill = true; break;
    case 't': options->settle = parse_number(name, value, 0.1, SECONDS_MAX); break;
    case 'h': fputs(HELP, stdout); exit(0);
    default: usage("unknown option");
  }
}

static bool is_mode(const struct options *options, const char *mode) {
  return strcmp(options->mode, mode) == 0;
}

// The shape of a mode is fixed by its name; only its free numbers are options.
static void apply_mode(struct options *options) {
  bool is_durable = is_mode(options, "durpub") || is_mode(options, "durdrain");
  if (is_durable && options->ack_file == NULL) usage("--mode %s needs --ack-file", options->mode);
  if (is_mode(options, "conn") && options->connections <= options->from) usage("--mode conn needs --connections, more than --from");
  if (options->kill && (!is_mode(options, "durpub") || options->server_pid == 0)) usage("--kill goes with --mode durpub and --pid");
  if (options->messages > 0 && !is_mode(options, "durpub")) usage("--messages goes with --mode durpub");
  if (options->topics > 1 && !is_mode(options, "subs") && !is_mode(options, "retained")) usage("--topics goes with --mode subs and retained");
  if (is_mode(options, "durpub")) options->qos = 1;
  if (is_mode(options, "fanin")) options->subscribers = 1;
  if (is_mode(options, "fanout")) options->publishers = 1;
  if (is_mode(options, "p2p") || is_mode(options, "subs")) options->subscribers = options->publishers;
  if (options->window == 0) options->window = is_mode(options, "fanin") ? 8 : is_mode(options, "fanout") ? 32 : 16;
}

struct options options_parse(int argument_count, char **arguments) {
  struct options options = {
      .host = "127.0.0.1",
      .publishers = 1,
      .subscribers = 1,
      .topics = 1,
      .rest = 2,
      .payload_bytes = 64,
      .warmup = 1.5,
      .seconds = 5,
      .settle = 2,
  };
  opterr = 0;
  int index = 0;
  for (;;) {
    int letter = getopt_long(argument_count, arguments, "", LONG_OPTIONS, &index);
    if (letter == -1) break;
    if (letter == '?') usage("cannot use %s", arguments[optind - 1]);
    set_option(&options, letter, LONG_OPTIONS[index].name, optarg);
  }
  if (optind < argument_count) usage("cannot use %s", arguments[optind]);
  if (options.mode == NULL) usage("--mode is missing");
  if (options.port == 0) usage("--port is missing");
  apply_mode(&options);
  return options;
}
