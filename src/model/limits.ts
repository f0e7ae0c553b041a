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
/** Certificates of one TLS listener by server name; each takes about 100 KiB of memory. */
export const SERVER_NAMES_MAX = 64;
/** A list of cipher suites; all that OpenSSL knows together are shorter. */
export const CIPHERS_TEXT_BYTES_MAX = 4_096;
/** A file of certificates, of revocation lists or of pre-shared keys: 100,000 revoked certificates take about 4 MB. */
export const TLS_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** Identity of a pre-shared key, and the key itself: what OpenSSL 3 takes; RFC 4279 §5.3 asks for 128 and 64. */
export const PSK_IDENTITY_BYTES_MAX = 256;
export const PSK_KEY_BYTES_MAX = 512;
/** Addresses and ranges of the proxies before one listener. */
export const PROXIES_MAX = 256;
/** A PROXY header, version 2: the largest addresses and 4 KiB of what the proxy tells besides. Version 1 has 107 bytes by itself. */
export const PROXY_HEADER_BYTES_MAX = 16 + 216 + 4_096;
/** Time from accepted link to the end of its PROXY header; a proxy sends it at once. EMQX's value. */
export const PROXY_HEADER_TIMEOUT_MS = 3_000;
/** Time from accepted link, or the end of its TLS handshake, to a request that makes it a WebSocket. */
export const WEBSOCKET_HANDSHAKE_TIMEOUT_MS = 10_000;
/** That request without a body; browsers send about 1 KiB, cookies of the host included. */
export const WEBSOCKET_REQUEST_BYTES_MAX = 8 * 1024;
/** Connections the kernel holds until they are accepted; it caps this at net.core.somaxconn. */
export const ACCEPT_BACKLOG = 1_024;
/** Largest UDP payload over IPv4. */
export const UDP_PAYLOAD_BYTES_MAX = 65_507;
/** Datagrams waiting for a full kernel buffer; beyond this they are lost, as on the network. */
export const DATAGRAM_QUEUE_BYTES_MAX = 1024 * 1024;
/** Listeners of `mqtt.listeners`: a file with more is made by a mistake. */
export const MQTT_LISTENERS_MAX = 64;
/** Remote ends of datagrams whose text form is remembered. */
export const DATAGRAM_PEERS_REMEMBERED = 8_192;
/** Time from accepted link to CONNECT; EMQX's idle time-out. */
export const CONNECT_TIMEOUT_MS = 15_000;
/** Time all sources of identity together have to answer a CONNECT; well below what clients wait for a CONNACK. */
export const AUTHENTICATION_TIMEOUT_MS = 5_000;
/** Time an exchange of challenges may take from its first word to its last; as long as a CONNECT may take to come. */
export const AUTHENTICATION_EXCHANGE_TIMEOUT_MS = 15_000;
/** Exchanges of challenges under way at once; each holds a few hundred bytes. */
export const AUTHENTICATION_EXCHANGES_MAX = 256;
/** Those of one address: it cannot keep the others out, and a site behind one address still logs in. */
export const AUTHENTICATION_EXCHANGES_PER_ADDRESS_MAX = 64;
/** Passwords hashed at once: each takes a thread and 19 MiB. */
export const PASSWORD_CHECKS_AT_ONCE = 2;
/** Passwords waiting to be hashed; about what a board gets through before its clients give up. */
export const PASSWORD_CHECKS_WAITING_MAX = 64;
/** Passwords of clients from one address that are hashed or wait. */
export const PASSWORD_CHECKS_PER_ADDRESS_MAX = 16;
/** Connections over all listeners: about 10 KiB each keeps 10,000 within a 512 MB board. */
export const CONNECTIONS_MAX = 10_000;
/** Connections above the limit that are heard so far as to be told so; further ones are closed unread. */
export const CONNECTIONS_TOLD_MAX = 64;

/** Client identifier, bytes: EMQX accepts the full 65,535, no device needs more than this. */
export const CLIENT_ID_BYTES_MAX = 1_024;
/** Levels of a topic or filter: as many as Mosquitto takes, EMQX takes 128. Deeper ones make the trie's recursion long. */
export const TOPIC_LEVELS_MAX = 201;
/** Subscriptions of one session: a home automation that follows each entity by a topic of its own has thousands, of about 1.5 KB each. */
export const SUBSCRIPTIONS_PER_SESSION_MAX = 10_000;
/** Stored sessions, offline ones included. */
export const SESSIONS_MAX = 20_000;
/** Groups of shared subscriptions with a strategy of their own: each is looked at when a group forms. */
export const SHARE_GROUPS_CONFIGURED_MAX = 100;

/**
 * Bytes of interned topics with their cached routes; once they are reached, what is used least gives way (docs/decisions/0027-route-cache.md). Room for
 * 100,000 topics, a large plant, for each that misses costs a walk through the subscriptions. Only a gateway with so many topics in use fills it.
 */
export const ROUTE_CACHE_BYTES_MAX = 32 * 1024 * 1024;

/** QoS 1 and 2 publishes a client may have unanswered (our Receive Maximum). */
export const RECEIVE_MAX = 1_024;
/** Deliveries a client may have unsettled, whatever larger Receive Maximum it announces. */
export const INFLIGHT_MAX = 1_024;
/** Incoming QoS 2 ids open in one session. */
export const RECEIVING_MAX = 1_024;
/** Topic aliases accepted from a client per connection; Mosquitto's default. */
export const TOPIC_ALIAS_MAX = 10;
/** Topic aliases used towards a client per connection, if it allows that many: about 200 bytes each. */
export const TOPIC_ALIAS_OUT_MAX = 32;
/** Work of one client before the others have their turn, in deliveries its packets cause (a packet itself counts as two): about 2 ms. */
export const TURN_WORK_MAX = 8_192;
/** The same while others have something to say: about 0.5 ms, and still 40 messages to 100 subscribers in one write to each. */
export const TURN_WORK_SHARED_MAX = 4_096;
/** Work of all who wait for a turn, those nobody knows yet among them, between two looks at the sockets. */
export const POLL_WORK_MAX = 4_096;
/** So many turns after anybody else was heard, turns are long again: a second or two of a client that floods. */
export const TURNS_ALONE = 4_096;

/** Stored queue of an ordinary client session. */
export const QUEUE_MESSAGES_MAX = 100_000;
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** Stored queue of a bridge: days of readings through an outage. */
export const BRIDGE_QUEUE_MESSAGES_MAX = 10_000_000;
export const BRIDGE_QUEUE_BYTES_MAX = 2 * 1024 * 1024 * 1024;
/** Dead letters of one bridge: enough to see what is wrong; the oldest makes room. */
export const DEAD_LETTERS_MAX = 10_000;
export const DEAD_LETTERS_BYTES_MAX = 16 * 1024 * 1024;
/** Time a remote has to answer one message before the bridge connects anew. */
export const BRIDGE_ANSWER_TIMEOUT_SECONDS = 60;
/** How often a remote may leave a message unanswered or refuse it for now, while it takes others, before it becomes a dead letter. */
export const BRIDGE_ATTEMPTS_MAX = 3;
/** Times of day at which a bridge may send: each is looked at once a minute. */
export const BRIDGE_WINDOWS_MAX = 24;
/** Deliveries that a peer refused for now or never answers, outside of its window; further ones take room in it. */
export const WITHHELD_MAX = 1_000;
/** Policies by topic of one bridge: each has a queue of its own, and is looked at when another needs its room. */
export const TOPIC_POLICIES_MAX = 32;
/** Topics whose last sample a policy remembers; the one that was sampled longest ago is forgotten, and its next message is taken. */
export const SAMPLED_TOPICS_MAX = 10_000;
/** Entries of a queue that are looked at for their age in one turn. */
export const AGED_ENTRIES_PER_TURN = 256;
/** Losses of a bridge that are told apart until they are reported, by publisher and cause; beyond this those of one cause are one. About 300 bytes each. */
export const LOSSES_TOLD_APART_MAX = 256;
/** Reports of losses under way to one remote at once. */
export const LOSS_REPORTS_AT_ONCE = 64;
/** Between two rounds of them. */
export const LOSS_REPORT_SECONDS = 10;
/** Topic aliases of a bridge, each way. */
export const BRIDGE_TOPIC_ALIAS_MAX = 32;
/** `postern bridge test` has an answer within this, below CONTROL_TIMEOUT_MS. */
export const BRIDGE_TEST_TIMEOUT_MS = 8_000;
/** Bridges a message crosses, unless configured otherwise: a tree of gateways is not that deep, and a circle ends there. */
export const BRIDGE_HOPS_MAX = 8;
/** Time a remote has, while connected, to send back what it was sent; later it is news. */
export const ECHO_SECONDS = 60;
/** Messages that may come back to one bridge; the oldest is forgotten and comes back as news. About 200 bytes each. */
export const ECHO_CREDITS_MAX = 65_536;
/** Echoes that are awaited are written to disk in pieces that take no longer to fill: a restart counts their minute anew. */
export const ECHO_PIECE_SECONDS = 10;
/** Publishers whose messages are counted one by one, for each queue that counts what it is given, in one boot; those of others have its number only. */
export const NUMBERED_DEVICES_MAX = 10_000;
/** Rules that give sessions queue policies of their own: each is looked at when a client connects. */
export const QUEUE_RULES_MAX = 100;
/** Filters of one policy: each is looked at for every new topic. */
export const QUEUE_FILTERS_MAX = 100;
/** Topics whose class a policy remembers; then it forgets them all and asks its filters again. */
export const QUEUE_TOPICS_REMEMBERED = 4_096;
/** Entries of a queue that a restart left, read per new message to find what a newer one has superseded: about 0.2 ms. */
export const LATEST_ENTRIES_READ = 64;
/** Queues one answer on the control socket tells of: with client ids as long as they may be it stays below `CONTROL_LINE_BYTES_MAX`. */
export const QUEUES_LISTED_MAX = 100;
/** Entries of a queue looked at for one request, and the most of them in one answer; a payload is shown up to this length. */
export const QUEUE_ENTRIES_PER_REQUEST = 1_000;
export const QUEUE_ENTRIES_SHOWN_MAX = 100;
export const QUEUE_PAYLOAD_SHOWN_BYTES = 1_024;
/** Payload looked into for one request; one message may be larger. */
export const QUEUE_BYTES_PER_REQUEST = 1024 * 1024;
/** Bytes of exported messages after which an answer, or a request that imports them, ends; the largest message that is exported, with its properties. */
export const QUEUE_CARRIED_BYTES_PER_REQUEST = 512 * 1024;
export const CARRIED_BODY_BYTES_MAX = 2.25 * 1024 * 1024;
/** Messages that one request names one by one. */
export const QUEUE_SEQUENCES_PER_REQUEST = 1_000;
/** Messages of one request that imports: what is written for them is in one group. */
export const QUEUE_IMPORTED_PER_REQUEST = 250;
/** Eras a store tells apart among what it exports. */
export const EXPORT_ERAS_MAX = 64;
/** Eras a queue has imported from that it remembers, and the bytes that takes: a million messages with others between each two are 2 to 4 MB. The oldest goes. */
export const IMPORTED_ERAS_MAX = 256;
export const IMPORTED_BYTES_MAX = 4 * 1024 * 1024;
/** Runs of imported sequence numbers in one row. */
export const IMPORTED_RUNS_PER_ROW = 128;
/** Queues named in the log per minute because they dropped messages; the rest is counted. */
export const DROP_REPORTS_MAX = 10;
/** Messages and packets kept for clients that are not read until there is room for them, one of each: beyond this their links are closed. */
export const WITHHELD_BYTES_MAX = 16 * 1024 * 1024;
/** Longest time such a client is not read: a link whose peer has gone cannot tell, and there are not endlessly many. */
export const WITHHELD_SECONDS_MAX = 600;
/** What a packet that is kept until there is room takes besides its filters. */
export const WITHHELD_PACKET_BYTES = 512;
/** Clients that have proven who they are and wait for the disk before they are let in; beyond this they are told that the gateway is busy. */
export const CONNECTS_WITHHELD_MAX = 1_024;
export const CONNECTS_WITHHELD_BYTES_MAX = 4 * 1024 * 1024;
/** Time they wait before they are told so: well below what clients wait for a CONNACK, and below `CONNECT_TIMEOUT_MS`. */
export const CONNECT_WITHHELD_MS = 8_000;
/** Queue in memory of a session that ends with its link, and of QoS 0 messages behind a full socket. */
export const MEMORY_QUEUE_MESSAGES_MAX = 10_000;
export const MEMORY_QUEUE_BYTES_MAX = 1024 * 1024;

/** Retained messages: they are held in memory as well. */
export const RETAINED_MESSAGES_MAX = 100_000;
export const RETAINED_BYTES_MAX = 64 * 1024 * 1024;
/** Largest payload that is retained: all that fits into a packet. */
export const RETAINED_PAYLOAD_BYTES_MAX = 2_000_000;

/** Bytes of the open group before clients wait for a commit. */
export const GROUP_BYTES_MAX = 1024 * 1024;
/** Answers that wait for commits before clients do, too: what is asked may write nothing and wait all the same. About 250 bytes each. */
export const GROUP_WAITERS_MAX = 65_536;
/** Mean wait of a commit for the disk up to which commits run in the main thread: below it another thread costs more than it spares. */
export const COMMIT_INLINE_MS_MAX = 0.3;
/** A disk must have been fast again for so long before commits return to the main thread; doubled each time, up to the second. */
export const COMMIT_WORKER_STAY_MS = 60_000;
export const COMMIT_WORKER_STAY_MAX_MS = 3_600_000;
/** Log written since the last checkpoint before the next one. */
export const CHECKPOINT_LOG_BYTES = 4 * 1024 * 1024;
/** With so much of it a checkpoint is made already if it writes little: what a short log takes in the file is used again before it has to be copied there. */
export const CHECKPOINT_LOG_BYTES_MIN = 512 * 1024;
export const CHECKPOINT_INTERVAL_MS = 60_000;
/** What compaction makes segments of the log of: the unit a session that drains a backlog reads. */
export const SEGMENT_BYTES = 64 * 1024;
/** Compaction, and a checkpoint before its time, leave a store alone that would give back less than this. */
export const COMPACT_GAIN_BYTES = 1024 * 1024;
/** Without a message for so long the store is at rest: it is brought up to date, compacted, and its file cut. */
export const STORE_REST_MS = 5_000;
/** Settled deliveries wait at most this long for a group to join. */
export const SETTLE_DELAY_MS = 1_000;
/** A commit waits at most this long for acknowledgements that would make it needless. */
export const COMMIT_WINDOW_MS = 10;
/** A commit of messages that are acknowledged before it waits at most this long for others. */
export const LAZY_COMMIT_MS = 1_000;
/** Messages in queues that are in memory only: beyond this they are written after all. */
export const RAM_BYTES_MAX = 32 * 1024 * 1024;
/** Rules that give topics a class of durability, and filters of one: each is looked at for every new topic. */
export const DURABILITY_RULES_MAX = 100;
/** Topics whose class of durability is remembered; then all are forgotten and the rules asked again. */
export const DURABILITY_TOPICS_REMEMBERED = 4_096;
/** Committed groups kept in memory so that a subscriber just behind reads no disk. */
export const TAIL_CACHE_BYTES = 4 * 1024 * 1024;
/** Given up when the disk is full, so that what is under way can be committed: two groups, SQLite's log and the copies of both. */
export const BALLAST_BYTES = 16 * 1024 * 1024;
/** Room left for the store below which the steps of docs/guides/disk-full.md are taken; less on small partitions. */
export const STOP_LAZY_BELOW_BYTES = 256 * 1024 * 1024;
export const COMPACT_BELOW_BYTES = 128 * 1024 * 1024;
export const EVICT_BELOW_BYTES = 64 * 1024 * 1024;
export const REFUSE_BELOW_BYTES = 32 * 1024 * 1024;
/** Key and value of one state entry. */
export const STATE_VALUE_BYTES_MAX = 64 * 1024;

/** A completed QoS 2 id stays known this long on links that duplicate and reorder. */
export const QOS2_QUARANTINE_MS = 10_000;
/** After an unclean start, wills of MQTT sessions wait this long for their clients to return. */
export const WILL_RESTART_GRACE_SECONDS = 60;

/** Rules of the access list: each may be looked at for every new topic of a client. */
export const ACCESS_RULES_MAX = 1_000;

/** Rules of the file of them; those of one user or client are found by name. */
export const ACL_FILE_RULES_MAX = 10_000;
export const ACL_FILE_BYTES_MAX = 2 * 1024 * 1024;
/** Decisions on topics a session remembers: a client that publishes to more asks the rules again. */
export const PUBLISH_DECISIONS_MAX = 32;
/** Users of the users file; each takes about 1 KiB of memory. */
export const USERS_MAX = 10_000;
export const USERS_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** Between two looks at whether the rights of clients that are in have changed. */
export const RIGHTS_REVIEW_MS = 5_000;
/** Bans in force at once; ranges among them are looked at one after the other for each connection. */
export const BANS_MAX = 1_000;
/** Addresses whose connection rate, and client ids whose disconnects are counted apart; the oldest is forgotten. */
export const RATE_ADDRESSES_MAX = 8_192;
export const FLAPPING_CLIENTS_MAX = 8_192;
/** Clients whose own rates are remembered when they are gone; the one that came longest ago is forgotten. About 500 bytes each. */
export const RATE_CLIENTS_MAX = 8_192;
/** What a listener may owe to its rates: nobody waits longer for what others sent, and clients wait about that long for a PINGRESP. */
export const LISTENER_DEBT_SECONDS_MAX = 30;

/** Lines of the same event from the same peer per minute; the rest is counted and summed up. */
export const LOG_LINES_PER_EVENT_MINUTE = 10;
/** Pairs of event and peer counted apart within a minute; what comes from further peers is counted together. */
export const LOG_PEERS_TRACKED_MAX = 256;
/** Characters of one field of a line; enough for the stack of an error, too little for a topic of 64 KiB. */
export const LOG_FIELD_CHARS_MAX = 2_048;

/** One line on the control socket, either way. The longest have exported messages in them, one of which may be as long as `CARRIED_BODY_BYTES_MAX`, in base64. */
export const CONTROL_LINE_BYTES_MAX = 4 * 1024 * 1024;
/** Commands that talk to a gateway at once. */
export const CONTROL_CONNECTIONS_MAX = 16;
/** Time a control connection may be silent, and a command may wait for its answer. */
export const CONTROL_TIMEOUT_MS = 10_000;
/** Time a stopping gateway has to say goodbye and make its last commit. */
export const SHUTDOWN_TIMEOUT_MS = 20_000;

/** SQLite's log while a backup holds a snapshot of the database: what comes in meanwhile stays in it. A backup that would need more is given up. */
export const BACKUP_WAL_BYTES_MAX = 64 * 1024 * 1024;
/** One file of the configuration in a backup; the users file is the largest. */
export const BACKUP_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** What a backup leaves free on its disk, and a restore on that of the data directory: a full one stops every commit. */
export const BACKUP_FREE_BYTES_MIN = 32 * 1024 * 1024;

/** Files of `postern selftest --power-loss`, whose store forgets what is old. */
export const SELFTEST_BYTES_MAX = 16 * 1024 * 1024;

/** Rules of topic rewrite: each is looked at for every new topic of a client. */
export const REWRITE_RULES_MAX = 100;
/** A regular expression of the configuration; nobody reads a longer one. */
export const PATTERN_CHARS_MAX = 256;
/** Names a rewrite pattern is tried on: with two repetitions that is half a million steps, about 2 ms. */
export const REWRITE_TOPIC_CHARS_MAX = 1_024;

/** Longest delay of `$delayed/{seconds}/…`, about 50 days: EMQX's documented bound. */
export const DELAY_SECONDS_MAX = 4_294_967;
/** Messages waiting for their time, and their bytes. */
export const DELAYED_MESSAGES_MAX = 100_000;
export const DELAYED_BYTES_MAX = 64 * 1024 * 1024;
/** Room behind those bounds that wills alone may take: one of every connection, if all of them break at once. */
export const DELAYED_WILLS_MAX = 10_000;
export const DELAYED_WILLS_BYTES_MAX = 8 * 1024 * 1024;
/** Auto-subscriptions: every client that connects is compared with each. */
export const AUTO_SUBSCRIPTIONS_MAX = 100;
/** Time a client's link may be full before it counts as a slow consumer. */
export const SLOW_CONSUMER_SECONDS = 60;

/** The wall clock has stepped when it moves so far against the monotonic one: what is below is how a clock is trimmed. */
export const CLOCK_STEP_MS = 500;
/** How often it is looked at; messages of so long before a step was seen are dated as if it had not been yet. */
export const CLOCK_LOOK_MS = 10_000;
/** Boots of which it is kept when the wall clock was right; the oldest is forgotten. About 100 bytes each. */
export const CLOCK_BOOTS_MAX = 256;
/** Steps of one boot that are kept; the oldest is forgotten. */
export const CLOCK_SPANS_MAX = 16;
/** A gateway switched off for longer than this by its wall clock has a wall clock that is wrong: none of it counts. */
export const AWAY_MS_MAX = 366 * 86_400_000;

/** Days of flash wear that are told apart; older ones are summed up. */
export const WEAR_DAYS_MAX = 30;
/** How often the day is held against its budget. */
export const WEAR_LOOK_MS = 60_000;
