// The options of mosquitto.conf(5) that belong to a bridge, and what becomes of each.
import type { Place } from './conf-file.ts';
import { path } from './listener-options.ts';
import { byValue, differs, flag, ifTrue, keep, key, missing, nearly, needless, oneOf, type Row, type Table, unlessZero, within, words } from './rows.ts';

const UINT16_MAX = 65_535;
const UINT32_MAX = 4_294_967_295;
const DAY_SECONDS = 86_400;
const TCP_KEEP_ALIVE_SECONDS_MAX = 7_200;
const MESSAGES_BOUND = 1_000_000_000;
const INTERNAL = 'a bridge is not a client of this side: it needs no name and no rights here';

/** Everything that says TLS is meant. */
const tls = (row: Row): Row => {
  return (line, draft) => {
    draft.put('tls.enabled', true);
    return row(line, draft);
  };
};

const clientId = key('clientId', words);
const username = key('username', words);

export const BRIDGE_OPTIONS: Table = {
  address: keep,
  addresses: keep,
  bridge_alpn: tls(key('tls.alpn', (text, place) => [words(text, place)])),
  bridge_attempt_unsubscribe: needless('what a bridge no longer carries is unsubscribed from'),
  bridge_bind_address: key('bindAddress', words),
  bridge_cafile: tls(key('tls.caFile', path)),
  bridge_capath: tls(keep),
  bridge_certfile: tls(key('tls.certFile', path)),
  bridge_ciphers: tls(missing('towards the broker the cipher suites are those of Node.js')),
  'bridge_ciphers_tls1.3': tls(missing('towards the broker the cipher suites are those of Node.js')),
  bridge_identity: tls(key('tls.pskIdentity', words)),
  bridge_insecure: ifTrue(
    missing("certificates are verified: tls.servername takes the name the broker's has; tls.insecure would accept any certificate"),
    needless('certificates are verified'),
  ),
  bridge_keyfile: tls(key('tls.keyFile', path)),
  bridge_max_packet_size: missing('what the broker refuses as too large becomes a dead letter'),
  bridge_max_topic_alias: key('topicAliasMax', within(0, UINT16_MAX)),
  bridge_outgoing_retain: key('sendRetain', flag),
  bridge_protocol_version: byValue({
    mqttv50: key('protocol', () => '5.0'),
    mqttv311: key('protocol', () => '3.1.1'),
    mqttv31: nearly('protocol', () => '3.1.1', 'MQTT 3.1.1 is the oldest a bridge speaks'),
  }),
  bridge_psk: tls(keep),
  bridge_receive_maximum: unlessZero(needless('there is no such limit'), key('inflightMax', within(1, UINT16_MAX))),
  bridge_reload_type: byValue({
    immediate: needless('a changed bridge is replaced at the reload'),
    lazy: differs('a changed bridge is replaced at the reload, the others stay'),
  }),
  bridge_require_ocsp: ifTrue(missing('revocation is not asked for at a bridge'), needless('it is not asked for')),
  bridge_session_expiry_interval: key('sessionExpirySeconds', within(0, UINT32_MAX)),
  bridge_tcp_keepalive: nearly('tcpKeepAliveSeconds', idleSeconds, 'only the time of silence is set, interval and count are those of the kernel'),
  bridge_tcp_user_timeout: missing('a dead connection shows by answerTimeoutSeconds'),
  bridge_tls_use_os_certs: ifTrue(tls(differs('without tls.caFile the authorities are those Node.js knows')), needless('authorities are those of tls.caFile')),
  bridge_tls_version: tls(
    byValue({
      'tlsv1.2': needless('TLS 1.2 or newer is spoken'),
      other: missing('TLS 1.2 or newer is spoken, as the broker can'),
    }),
  ),
  cleansession: key('cleanStart', flag),
  clientid: clientId,
  idle_timeout: key('idleSeconds', within(1, DAY_SECONDS)),
  keepalive_interval: key('keepAliveSeconds', within(5, UINT16_MAX)),
  local_cleansession: ifTrue(missing('what waits for the broker outlives a restart'), needless('what waits for the broker outlives a restart')),
  local_clientid: needless(INTERNAL),
  local_password: needless(INTERNAL),
  local_username: needless(INTERNAL),
  notification_topic: key('statusTopic', words),
  notifications: keep,
  notifications_local_only: keep,
  password: keep,
  remote_clientid: clientId,
  remote_password: keep,
  remote_username: username,
  restart_timeout: keep,
  round_robin: ifTrue(
    key('order', () => 'round-robin'),
    needless('a new connection begins with the first address'),
  ),
  start_type: key('start', oneOf({ automatic: 'automatic', lazy: 'lazy', once: 'once' })),
  threshold: key('lazyThreshold', within(1, MESSAGES_BOUND)),
  topic: keep,
  try_private: key('tryPrivate', flag),
  username,
};

/** The first of idle, interval and count. */
function idleSeconds(text: string, place: Place): number {
  return within(1, TCP_KEEP_ALIVE_SECONDS_MAX)(text.split(/\s+/, 1)[0] ?? '', place);
}
