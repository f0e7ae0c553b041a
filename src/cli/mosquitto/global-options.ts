// The options of mosquitto.conf(5) that hold for the whole broker, and what becomes of each.
import { ConfError, type Place } from './conf-file.ts';
import { byValue, differs, flag, ifTrue, keep, key, missing, nearly, needless, type Row, type Table, unlessZero, whole, within } from './rows.ts';

const UINT16_MAX = 65_535;
const UINT32_MAX = 4_294_967_295;
const MESSAGES_BOUND = 1_000_000_000;
const BYTES_BOUND = 1_024 ** 4;
const PACKET_BYTES_MIN = 128;
const PACKET_BYTES_BOUND = 268_435_460;
/** A topic of the largest size beside a payload of the largest size. */
const PACKET_BYTES_BESIDE_PAYLOAD = 65_536;
const PLUGINS = 'Postern has no plugins of Mosquitto: what this one decided or changed is not done';
const ON_DISK = 'what is acknowledged is on the disk, at once and always';
const SERVICE_MANAGER = 'the service manager does that: docs/guides/running.md';
const DURATION_SECONDS: Readonly<Record<string, number>> = { s: 1, h: 3_600, d: 86_400, w: 604_800, m: 2_592_000, y: 31_536_000 };

/** `queue` says as much: Mosquitto drops what comes last. */
const queueBound = (path: string, min: number, bound: number): Row => {
  const put = key(path, (text, place) => (whole(text, place) <= 0 ? bound : within(min, bound)(text, place)));
  return (line, draft) => {
    draft.put('queue.whenFull', 'drop-newest');
    return put(line, draft);
  };
};

const inflight: Row = (line, draft) => {
  const count = within(0, UINT16_MAX)(line.value, line);
  draft.put('mqtt.inflightMax', count === 0 ? UINT16_MAX : count);
  draft.put('mqtt.receiveMax', count === 0 ? UINT16_MAX : count);
  return undefined;
};

export const GLOBAL_OPTIONS: Table = {
  allow_duplicate_messages: ifTrue(
    differs('one copy comes of overlapping subscriptions, at the highest QoS granted'),
    needless('one copy comes of overlapping subscriptions'),
  ),
  autosave_interval: needless(ON_DISK),
  autosave_on_changes: needless(ON_DISK),
  auth_plugin: missing(PLUGINS),
  auth_plugin_deny_special_chars: missing(PLUGINS),
  check_retain_source: ifTrue(
    missing('a retained message stays when its publisher loses the right to it'),
    needless('retained messages are not checked again'),
  ),
  clientid_prefixes: missing('client ids are not restricted: give rules to the client ids you know (client=ID in access.acl)'),
  connection_messages: ifTrue(needless('connections are logged'), missing('connections are logged as all the rest is: log.level')),
  enable_control_api: missing('the control socket is a file here, not topics: docs/reference/control-socket.md'),
  global_max_clients: key('sessions.max', within(1, 10_000_000)),
  global_max_connections: key('mqtt.connectionsMax', within(1, 1_000_000)),
  global_plugin: missing(PLUGINS),
  log_dest: byValue({ stderr: needless('that is where the log goes'), other: missing('the log goes to standard error, for the service manager to keep') }),
  log_facility: missing('the log goes to standard error, not to syslog'),
  log_timestamp: ifTrue(needless('lines have the time'), missing('lines always have the time')),
  log_timestamp_format: missing('the time is written as ISO 8601 has it'),
  log_type: keep,
  max_inflight_bytes: unlessZero(needless('there is no such limit'), missing('deliveries under way are bounded by number: mqtt.inflightMax')),
  max_inflight_messages: inflight,
  max_keepalive: key('mqtt.keepAliveMaxSeconds', within(0, UINT16_MAX)),
  max_packet_size: keep,
  max_queued_bytes: queueBound('queue.bytesMax', 1_024, BYTES_BOUND),
  max_queued_messages: queueBound('queue.messagesMax', 1, MESSAGES_BOUND),
  memory_limit: unlessZero(
    needless('there is no such limit'),
    missing('memory is bounded where it is used: queue, retained, connectionsMax; the whole by the service manager'),
  ),
  message_size_limit: keep,
  packet_buffer_size: needless('buffers grow and shrink by themselves'),
  persistence: ifTrue(
    differs("the store is Postern's own, in data.directory: sessions and messages in mosquitto.db are not taken over"),
    differs('sessions, queues and retained messages outlive a restart here; store.defaultClass: ram keeps queued messages off the disk'),
  ),
  persistence_file: needless('the store has a directory: data.directory, or --data'),
  persistence_location: needless('the store has a directory of its own: data.directory, or --data'),
  persistent_client_expiration: key('mqtt.sessionExpiryMaxSeconds', duration),
  pid_file: missing(SERVICE_MANAGER),
  plugin: missing(PLUGINS),
  plugin_load: missing(PLUGINS),
  plugin_use: missing(PLUGINS),
  queue_qos0_messages: ifTrue(missing('messages of QoS 0 are not kept for who is away, sleeping sensors apart'), needless('messages of QoS 0 are not kept')),
  retain_available: key('mqtt.retainAvailable', flag),
  retain_expiry_interval: key('retained.expirySeconds', (text, place) => Math.min(UINT32_MAX, 60 * Math.max(1, whole(text, place)))),
  retained_persistence: needless(ON_DISK),
  retry_interval: needless('MQTT forbids to send again but after a reconnect'),
  set_tcp_nodelay: ifTrue(needless('it is always set'), differs('it is always set: what one turn makes is written at once')),
  sys_interval: key('sys.intervalSeconds', within(0, UINT16_MAX)),
  upgrade_outgoing_qos: ifTrue(missing('a message has the QoS it was published with, or less'), needless('no QoS is raised')),
  user: needless(`the gateway is started as the user it runs as: ${SERVICE_MANAGER}`),
  websockets_log_level: missing('the log has one level: log.level'),
};

/** Of the options that hold together: the size of a packet. */
export const PACKET_SIZE: { readonly [option: string]: Row } = {
  max_packet_size: key('mqtt.packetBytesMax', within(PACKET_BYTES_MIN, PACKET_BYTES_BOUND)),
  message_size_limit: unlessZero(
    needless('there is no limit on payloads but that on packets'),
    nearly(
      'mqtt.packetBytesMax',
      (text, place) => Math.min(PACKET_BYTES_BOUND, whole(text, place) + PACKET_BYTES_BESIDE_PAYLOAD),
      'the limit is on whole packets, and leaves 64 KiB for topic and properties',
    ),
  ),
};

/** The level at which lines of a `log_type` are written. */
export const LOG_LEVELS: Readonly<Record<string, string>> = {
  none: 'error',
  error: 'error',
  warning: 'warn',
  notice: 'info',
  information: 'info',
  internal: 'debug',
  subscribe: 'debug',
  unsubscribe: 'debug',
  websockets: 'debug',
  debug: 'debug',
  all: 'debug',
};
export const LEAST_SERIOUS_FIRST = ['debug', 'info', 'warn', 'error'];

/** `14d`: hours, days, weeks, months of 30 days, years. */
function duration(text: string, place: Place): number {
  const [, count, unit = ''] = /^(\d{1,9})([shdwmy])$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0) throw new ConfError(place, 'must be a number above 0 and one of s, h, d, w, m, y');
  return Math.min(UINT32_MAX, Number(count) * (DURATION_SECONDS[unit] ?? 0));
}
