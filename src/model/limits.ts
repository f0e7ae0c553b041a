// Every bound of the gateway in one place. Reaching one is a named outcome with a counter, never a surprise. Those a user may turn are defaults
// of keys in config/schema.ts.

/** One packet, all protocols over streams. Mosquitto 2.1's value; what interoperability suites expect. */
export const PACKET_BYTES_MAX = 2_000_000;
/** A CONNECT: nobody has vouched for its sender yet. Room for a client id, a will, a user name and a token of 64 KiB each. */
export const CONNECT_BYTES_MAX = 256 * 1024;
/** Bytes waiting in one link's output before its session is paused. Two full socket buffers keep a fast reader busy. */
export const LINK_OUT_HIGH_BYTES = 256 * 1024;
/** Beyond this a link is not read either: its peer asks without taking the answers. */
export const LINK_OUT_UNREAD_BYTES = 2 * LINK_OUT_HIGH_BYTES;
/** Free output buffers kept for all links: a fan-out to 1,000 links writes without allocating. */
export const OUT_BUFFERS_KEPT_BYTES = 12 * 1024 * 1024;
/** Time a closed link has to take its last bytes and to close its side. */
export const LINK_CLOSE_TIMEOUT_MS = 5_000;
/** Time from accepted link to the end of its TLS handshake. */
export const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;
/** Connections the kernel holds until they are accepted; it caps this at net.core.somaxconn. */
export const ACCEPT_BACKLOG = 1_024;
/** Largest UDP payload over IPv4. */
export const UDP_PAYLOAD_BYTES_MAX = 65_507;
/** Datagrams waiting for a full kernel buffer; beyond this they are lost, as on the network. */
export const DATAGRAM_QUEUE_BYTES_MAX = 1024 * 1024;
/** Remote ends of datagrams whose text form is remembered. */
export const DATAGRAM_PEERS_REMEMBERED = 8_192;
/** Time from accepted link to CONNECT; EMQX's idle time-out. */
export const CONNECT_TIMEOUT_MS = 15_000;
/** Time all sources of identity together have to answer a CONNECT; well below what clients wait for a CONNACK. */
export const AUTHENTICATION_TIMEOUT_MS = 5_000;
/** Connections over all listeners: about 10 KiB each keeps 10,000 within a 512 MB board. */
export const CONNECTIONS_MAX = 10_000;

/** Client identifier, bytes: EMQX accepts the full 65,535, no device needs more than this. */
export const CLIENT_ID_BYTES_MAX = 1_024;
/** Levels of a topic or filter; EMQX's bound. Deeper ones make the trie's recursion long. */
export const TOPIC_LEVELS_MAX = 128;
/** Subscriptions of one session. */
export const SUBSCRIPTIONS_PER_SESSION_MAX = 1_000;
/** Stored sessions, offline ones included. */
export const SESSIONS_MAX = 20_000;

/** Bytes of interned topics with their cached routes; the table forgets the older half when it is full. */
export const ROUTE_CACHE_BYTES_MAX = 8 * 1024 * 1024;

/** QoS 1 and 2 publishes a client may have unanswered (our Receive Maximum). */
export const RECEIVE_MAX = 1_024;
/** Deliveries a client may have unsettled, whatever larger Receive Maximum it announces. */
export const INFLIGHT_MAX = 1_024;
/** Incoming QoS 2 ids open in one session. */
export const RECEIVING_MAX = 1_024;
/** Topic aliases accepted from a client per connection; Mosquitto's default. */
export const TOPIC_ALIAS_MAX = 10;

/** Stored queue of an ordinary client session. */
export const QUEUE_MESSAGES_MAX = 100_000;
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** Stored queue of a bridge: days of readings through an outage. */
export const BRIDGE_QUEUE_MESSAGES_MAX = 10_000_000;
export const BRIDGE_QUEUE_BYTES_MAX = 2 * 1024 * 1024 * 1024;
/** Queue in memory of a session that ends with its link, and of QoS 0 messages behind a full socket. */
export const MEMORY_QUEUE_MESSAGES_MAX = 10_000;
export const MEMORY_QUEUE_BYTES_MAX = 1024 * 1024;

/** Retained messages: they are held in memory as well. */
export const RETAINED_MESSAGES_MAX = 100_000;
export const RETAINED_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes of the open group before publishers wait for a commit. */
export const GROUP_BYTES_MAX = 1024 * 1024;
/** Log written since the last checkpoint before the next one. */
export const CHECKPOINT_LOG_BYTES = 4 * 1024 * 1024;
export const CHECKPOINT_INTERVAL_MS = 60_000;
/** Settled deliveries wait at most this long for a group to join. */
export const SETTLE_DELAY_MS = 1_000;
/** Committed groups kept in memory so that a subscriber just behind reads no disk. */
export const TAIL_CACHE_BYTES = 4 * 1024 * 1024;
/** Key and value of one state entry. */
export const STATE_VALUE_BYTES_MAX = 64 * 1024;

/** A completed QoS 2 id stays known this long on links that duplicate and reorder. */
export const QOS2_QUARANTINE_MS = 10_000;
/** After an unclean start, wills of MQTT sessions wait this long for their clients to return. */
export const WILL_RESTART_GRACE_SECONDS = 60;

/** Rules of the access list: each may be looked at for every new topic of a client. */
export const ACCESS_RULES_MAX = 1_000;

/** Lines of the same event from the same peer per minute; the rest is counted and summed up. */
export const LOG_LINES_PER_EVENT_MINUTE = 10;
/** Pairs of event and peer counted apart within a minute; what comes from further peers is counted together. */
export const LOG_PEERS_TRACKED_MAX = 256;
/** Characters of one field of a line; enough for the stack of an error, too little for a topic of 64 KiB. */
export const LOG_FIELD_CHARS_MAX = 2_048;

/** One line on the control socket, either way. A status with its metrics is the longest. */
export const CONTROL_LINE_BYTES_MAX = 1024 * 1024;
/** Commands that talk to a gateway at once. */
export const CONTROL_CONNECTIONS_MAX = 16;
/** Time a control connection may be silent, and a command may wait for its answer. */
export const CONTROL_TIMEOUT_MS = 10_000;
/** Time a stopping gateway has to say goodbye and make its last commit. */
export const SHUTDOWN_TIMEOUT_MS = 20_000;
