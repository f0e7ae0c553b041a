// The options of mosquitto.conf(5) that belong to a bridge, and what becomes of each.
import { path } from './listener-options.ts';
import { byValue, differs, flag, ifTrue, keep, key, missing, nearly, needless, type Row, type Table, unlessZero, within, words } from './rows.ts';

const UINT16_MAX = 65_535;
const UINT32_MAX = 4_294_967_295;
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
  bridge_identity: tls(missing('a bridge shows no pre-shared key: give it a certificate, or user name and password')),
  bridge_insecure: ifTrue(
    missing("certificates are verified: tls.servername takes the name the broker's has; tls.insecure would accept any certificate"),
    needless('certificates are verified'),
  ),
  bridge_keyfile: tls(key('tls.keyFile', path)),
  bridge_max_packet_size: missing('what the broker refuses as too large becomes a dead letter'),
  bridge_max_topic_alias: needless('topic aliases are used as the broker allows them'),
  bridge_outgoing_retain: key('sendRetain', flag),
  bridge_protocol_version: byValue({
    mqttv50: key('protocol', () => '5.0'),
    mqttv311: key('protocol', () => '3.1.1'),
    mqttv31: nearly('protocol', () => '3.1.1', 'MQTT 3.1.1 is the oldest a bridge speaks'),
  }),
  bridge_psk: tls(missing('a bridge shows no pre-shared key: give it a certificate, or user name and password')),
  bridge_receive_maximum: unlessZero(needless('there is no such limit'), key('inflightMax', within(1, UINT16_MAX))),
  bridge_reload_type: byValue({
    immediate: needless('a changed bridge is replaced at the reload'),
    lazy: differs('a changed bridge is replaced at the reload, the others stay'),
  }),
  bridge_require_ocsp: ifTrue(missing('revocation is not asked for at a bridge'), needless('it is not asked for')),
  bridge_session_expiry_interval: key('sessionExpirySeconds', within(0, UINT32_MAX)),
  bridge_tcp_keepalive: missing("a dead connection shows by MQTT's own keep-alive: keepAliveSeconds"),
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
  idle_timeout: missing('a bridge stays connected'),
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
  start_type: byValue({
    automatic: needless('a bridge connects when the gateway starts'),
    lazy: missing('a bridge stays connected'),
    once: missing('a bridge is always called again'),
  }),
  threshold: missing('a bridge stays connected'),
  topic: keep,
  try_private: key('tryPrivate', flag),
  username,
};
