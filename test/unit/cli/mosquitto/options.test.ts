// Every option of mosquitto.conf(5) of Mosquitto 2.0, and those 2.1 brought: a key with its value, or a remark.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { at, imported } from './imported.ts';

const LISTENER = 'mqtt.listeners.0.';
const BRIDGE = 'bridges.0.';

type Keys = Readonly<Record<string, unknown>>;
type Case = readonly [line: string, becomes: Keys | 'needless' | 'differs' | 'missing', also?: 'needless' | 'differs' | 'missing'];

const GENERAL: readonly Case[] = [
  ['allow_anonymous true', { 'access.anonymous': 'always' }],
  ['allow_anonymous false', { 'access.anonymous': 'never' }],
  ['allow_duplicate_messages true', 'differs'],
  ['allow_duplicate_messages false', 'needless'],
  ['allow_zero_length_clientid true', 'needless'],
  ['allow_zero_length_clientid false', 'missing'],
  ['auth_plugin /usr/lib/auth.so', 'missing'],
  ['auth_opt_host secret', 'missing'],
  ['auth_plugin_deny_special_chars true', 'missing'],
  ['auto_id_prefix auto-', 'missing'],
  ['autosave_interval 60', 'needless'],
  ['autosave_on_changes true', 'needless'],
  ['check_retain_source true', 'missing'],
  ['check_retain_source false', 'needless'],
  ['clientid_prefixes secure-', 'missing'],
  ['connection_messages true', 'needless'],
  ['connection_messages false', 'missing'],
  ['enable_control_api true', 'missing'],
  ['global_max_clients 300', { 'sessions.max': 300 }],
  ['global_max_connections 30', { 'mqtt.connectionsMax': 30 }],
  ['global_plugin /usr/lib/x.so', 'missing'],
  ['log_dest stderr', 'needless'],
  ['log_dest file /var/log/mosquitto.log', 'missing'],
  ['log_facility 5', 'missing'],
  ['log_timestamp true', 'needless'],
  ['log_timestamp false', 'missing'],
  ['log_timestamp_format %Y', 'missing'],
  ['log_type error', { 'log.level': 'error' }],
  ['log_type all', { 'log.level': 'debug' }],
  ['log_type information', { 'log.level': 'info' }],
  ['max_inflight_bytes 0', 'needless'],
  ['max_inflight_bytes 1000', 'missing'],
  ['max_inflight_messages 7', { 'mqtt.inflightMax': 7, 'mqtt.receiveMax': 7 }],
  ['max_inflight_messages 0', { 'mqtt.inflightMax': 65_535, 'mqtt.receiveMax': 65_535 }],
  ['max_keepalive 120', { 'mqtt.keepAliveMaxSeconds': 120 }],
  ['max_packet_size 100000', { 'mqtt.packetBytesMax': 100_000 }],
  ['max_packet_size 20', { 'mqtt.packetBytesMax': 128 }],
  ['max_queued_bytes 5000', { 'queue.bytesMax': 5_000, 'queue.whenFull': 'drop-newest' }],
  ['max_queued_bytes 0', { 'queue.bytesMax': 1_024 ** 4 }],
  ['max_queued_messages 50', { 'queue.messagesMax': 50, 'queue.whenFull': 'drop-newest' }],
  ['max_queued_messages 0', { 'queue.messagesMax': 1_000_000_000 }],
  ['memory_limit 1000', 'missing'],
  ['message_size_limit 1000', { 'mqtt.packetBytesMax': 66_536 }, 'differs'],
  ['message_size_limit 0', 'needless'],
  ['packet_buffer_size 100', 'needless'],
  ['per_listener_settings false', {}],
  ['persistence true', 'differs'],
  ['persistence_file mosquitto.db', 'needless'],
  ['persistence_location /var/lib/mosquitto/', 'needless'],
  ['persistent_client_expiration 14d', { 'mqtt.sessionExpiryMaxSeconds': 1_209_600 }],
  ['persistent_client_expiration 2m', { 'mqtt.sessionExpiryMaxSeconds': 5_184_000 }],
  ['pid_file /run/mosquitto.pid', 'missing'],
  ['plugin /usr/lib/mosquitto_dynamic_security.so', 'missing'],
  ['plugin_load a /usr/lib/a.so', 'missing'],
  ['plugin_use a', 'missing'],
  ['plugin_opt_config_file secret', 'missing'],
  ['queue_qos0_messages true', 'missing'],
  ['queue_qos0_messages false', 'needless'],
  ['retain_available false', { 'mqtt.retainAvailable': false }],
  ['retain_expiry_interval 2', { 'retained.expirySeconds': 120 }],
  ['retained_persistence true', 'needless'],
  ['retry_interval 20', 'needless'],
  ['set_tcp_nodelay true', 'needless'],
  ['set_tcp_nodelay false', 'differs'],
  ['sys_interval 0', { 'sys.intervalSeconds': 0 }],
  ['upgrade_outgoing_qos true', 'missing'],
  ['upgrade_outgoing_qos false', 'needless'],
  ['user mosquitto', 'needless'],
  ['websockets_log_level 7', 'missing'],
  ['frobnicate 1', 'missing'],
];

const LISTENERS: readonly Case[] = [
  ['bind_address 192.0.2.1', { [`${LISTENER}bind`]: '192.0.2.1:1883' }],
  ['port 1884', { [`${LISTENER}bind`]: '[::]:1884', [`${LISTENER}type`]: 'tcp', 'mqtt.tcp.enabled': false }],
  ['listener 1884', { [`${LISTENER}bind`]: '[::]:1884', [`${LISTENER}name`]: '1884' }],
  ['listener 1884 192.0.2.1', { [`${LISTENER}bind`]: '192.0.2.1:1884' }],
  ['listener 1884 ::1', { [`${LISTENER}bind`]: '[::1]:1884' }],
  ['listener 0 /run/m.sock', { [`${LISTENER}type`]: 'unix', [`${LISTENER}path`]: '/run/m.sock' }],
  ['listener 0 m.sock', { [`${LISTENER}type`]: 'unix', [`${LISTENER}path`]: resolve('m.sock') }],
  ['listener 1884\nsocket_domain ipv4', { [`${LISTENER}bind`]: '0.0.0.0:1884' }],
  ['listener 1884\nbind_interface eth0', { [`${LISTENER}bind`]: '127.0.0.1:1884' }, 'missing'],
  ['listener 1884 192.0.2.1\nbind_interface eth0', { [`${LISTENER}bind`]: '192.0.2.1:1884' }, 'differs'],
  ['listener 1884\naccept_protocol_versions 4, 5,', { [`${LISTENER}versions`]: ['3.1.1', '5.0'] }],
  ['listener 1884\ndisable_client_cert_date_checks true', 'missing'],
  ['listener 1884\nenable_proxy_protocol 2', { [`${LISTENER}proxyProtocol`]: 'v2', [`${LISTENER}proxyTrusted`]: ['127.0.0.1', '::1'] }, 'differs'],
  ['listener 1884\nproxy_protocol_v2_require_tls true', 'missing'],
  ['listener 1884\nhttp_dir /srv/www', 'missing'],
  ['listener 1884\nmax_connections 5', { [`${LISTENER}connectionsMax`]: 5 }],
  ['listener 1884\nmax_connections -1', { [`${LISTENER}connectionsMax`]: undefined }],
  ['listener 1884\nmax_qos 1', { [`${LISTENER}maximumQos`]: 1 }],
  ['listener 1884\nmaximum_qos 0', { [`${LISTENER}maximumQos`]: 0 }],
  ['listener 1884\nmax_topic_alias 3', { [`${LISTENER}topicAliasMax`]: 3 }],
  ['listener 1884\nmax_topic_alias_broker 4', { [`${LISTENER}topicAliasOutMax`]: 4 }],
  ['listener 1884\nmount_point site/', { [`${LISTENER}mountPoint`]: 'site/' }],
  ['listener 1884\nprotocol mqtt', { [`${LISTENER}type`]: 'tcp' }],
  ['listener 1884\nprotocol websockets', { [`${LISTENER}type`]: 'ws', [`${LISTENER}webSocket.origins`]: ['*'] }, 'differs'],
  ['listener 1884\nprotocol http_api', { 'mqtt.listeners': [] }, 'missing'],
  ['listener 1884\nuse_username_as_clientid true', 'missing'],
  ['listener 1884\nwebsockets_headers_size 4096', 'needless'],
  ['listener 1884\nlistener_allow_anonymous true', { 'access.anonymous': 'always' }],
  ['listener 1884\nlistener_auto_id_prefix x', 'missing'],
];

const CERTIFICATE = 'listener 8883\ncertfile /etc/m/server.pem\nkeyfile /etc/m/server.key\ncafile /etc/m/ca.pem\n';
const AUTHORITY = { [`${LISTENER}tls.caFile`]: '/etc/m/ca.pem', [`${LISTENER}tls.clientCertificate`]: 'required' };

const TLS: readonly Case[] = [
  [
    CERTIFICATE.trim(),
    { [`${LISTENER}type`]: 'tls', [`${LISTENER}tls`]: { certFile: '/etc/m/server.pem', keyFile: '/etc/m/server.key', caFile: '/etc/m/ca.pem' } },
  ],
  [`${CERTIFICATE}require_certificate true`, AUTHORITY, 'differs'],
  [`${CERTIFICATE}require_certificate true\nuse_identity_as_username true`, AUTHORITY],
  [`${CERTIFICATE}use_identity_as_username true`, AUTHORITY],
  [`${CERTIFICATE}require_certificate true\nuse_subject_as_username true`, { ...AUTHORITY, [`${LISTENER}tls.certificateIdentity`]: 'subject' }, 'differs'],
  [`${CERTIFICATE}use_identity_as_username true\ncrlfile /etc/m/crl.pem`, { [`${LISTENER}tls.crlFile`]: '/etc/m/crl.pem' }, 'differs'],
  ['listener 8883\ncertfile /c\nkeyfile /k\nciphers A:B\nciphers_tls1.3 C', { [`${LISTENER}tls.ciphers`]: 'C:A:B' }],
  ['listener 8883\ncertfile /c\nkeyfile /k\ntls_version tlsv1.3', { [`${LISTENER}tls.minVersion`]: '1.3' }],
  ['listener 8883\ncertfile /c\nkeyfile /k\ntls_version tlsv1.1', { [`${LISTENER}tls.minVersion`]: '1.2' }, 'differs'],
  ['listener 8883\ncertfile /c\nkeyfile /k\ndhparamfile /dh', { [`${LISTENER}type`]: 'tls' }, 'needless'],
  ['listener 8883\ncertfile /c\nkeyfile /k\ntls_engine pkcs11', { [`${LISTENER}type`]: 'tls' }, 'missing'],
  ['listener 8883\ncertfile /c\nkeyfile /k\ntls_engine_kpass_sha1 00', { [`${LISTENER}type`]: 'tls' }, 'missing'],
  ['listener 8883\ncertfile /c\nkeyfile /k\ntls_keyform engine', { [`${LISTENER}type`]: 'tls' }, 'missing'],
  ['listener 8883\ncertfile /c\nkeyfile /k\ntls_keyform pem', { [`${LISTENER}type`]: 'tls' }, 'needless'],
  ['listener 8883\nprotocol websockets\ncertfile /c\nkeyfile /k\nwebsockets_origin https://a.example', { [`${LISTENER}type`]: 'wss' }, 'differs'],
];

const connection = (...lines: readonly string[]): string => ['connection c', 'address h', 'topic # out 1', ...lines].join('\n');

const BRIDGES: readonly Case[] = [
  [connection(), { [`${BRIDGE}name`]: 'c', [`${BRIDGE}address`]: 'h:1883', [`${BRIDGE}protocol`]: '3.1.1', [`${BRIDGE}clientId`]: 'board.c' }],
  ['connection c\ntopic #\naddresses a:1 ::1:2 b', { [`${BRIDGE}address`]: 'a:1', [`${BRIDGE}fallbacks`]: ['[::1]:2', 'b:1883'] }],
  [connection('bridge_attempt_unsubscribe false'), 'needless'],
  [connection('bridge_bind_address 192.0.2.1'), { [`${BRIDGE}bindAddress`]: '192.0.2.1' }],
  [connection('bridge_max_packet_size 1000'), 'missing'],
  [connection('bridge_outgoing_retain false'), { [`${BRIDGE}sendRetain`]: false }],
  [connection('bridge_protocol_version mqttv50'), { [`${BRIDGE}protocol`]: '5.0' }],
  [connection('bridge_protocol_version mqttv31'), { [`${BRIDGE}protocol`]: '3.1.1' }, 'differs'],
  [connection('cleansession true'), { [`${BRIDGE}cleanStart`]: true }],
  [connection('local_cleansession true'), 'missing'],
  [connection('keepalive_interval 30'), { [`${BRIDGE}keepAliveSeconds`]: 30 }],
  [connection('idle_timeout 30'), { [`${BRIDGE}idleSeconds`]: 30 }],
  [connection('threshold 5'), { [`${BRIDGE}lazyThreshold`]: 5 }],
  [connection('threshold 0'), { [`${BRIDGE}lazyThreshold`]: 1 }],
  [connection('start_type automatic'), { [`${BRIDGE}start`]: 'automatic' }],
  [connection('start_type lazy'), { [`${BRIDGE}start`]: 'lazy' }],
  [connection('start_type once'), { [`${BRIDGE}start`]: 'once' }],
  [connection('local_clientid x'), 'needless'],
  [connection('local_username x'), 'needless'],
  [connection('local_password x'), 'needless'],
  [connection('notifications false'), { [`${BRIDGE}statusTo`]: 'none' }],
  [connection('notifications_local_only true'), { [`${BRIDGE}statusTo`]: 'local' }],
  [connection('notification_topic a/state'), { [`${BRIDGE}statusTopic`]: 'a/state' }],
  [connection('remote_clientid me'), { [`${BRIDGE}clientId`]: 'me' }],
  [connection('clientid me'), { [`${BRIDGE}clientId`]: 'me' }],
  [connection('remote_username u'), { [`${BRIDGE}username`]: 'u' }],
  [connection('username u'), { [`${BRIDGE}username`]: 'u' }],
  [connection('username u', 'remote_password p'), { [`${BRIDGE}passwordFile`]: '/etc/postern/bridge-c.password' }],
  [connection('username u', 'password p'), { [`${BRIDGE}passwordFile`]: '/etc/postern/bridge-c.password' }],
  [connection('restart_timeout 10'), { [`${BRIDGE}retry`]: { firstSeconds: 10, capSeconds: 10, jitter: 0 } }],
  [connection('restart_timeout 10 60'), { [`${BRIDGE}retry`]: { firstSeconds: 10, capSeconds: 60 } }],
  [connection('restart_timeout 10 60 5'), { [`${BRIDGE}retry`]: { firstSeconds: 10, capSeconds: 60 } }, 'differs'],
  [connection('round_robin true'), { [`${BRIDGE}order`]: 'round-robin' }],
  [connection('round_robin false'), 'needless'],
  [connection('try_private false'), { [`${BRIDGE}tryPrivate`]: false }],
  [connection('topic a/+ in 2 l/ r/'), { [`${BRIDGE}topics.1`]: { filter: 'a/+', direction: 'in', qos: 2, localPrefix: 'l/', remotePrefix: 'r/' } }],
  [connection('topic "a b/#" both'), { [`${BRIDGE}topics.1`]: { filter: 'a b/#', direction: 'both', qos: 0 } }],
  [connection('topic a out 1 "" r/'), { [`${BRIDGE}topics.1`]: { filter: 'a', direction: 'out', qos: 1, remotePrefix: 'r/' } }],
  [connection('topic "" out 1 here there'), { [`${BRIDGE}topics.1`]: { filter: 'here', direction: 'out', rename: 'there', qos: 1 } }],
  [connection('topic "" in 1 here there'), { [`${BRIDGE}topics.1`]: { filter: 'there', direction: 'in', rename: 'here', qos: 1 } }],
  [connection('bridge_alpn mqtt'), { [`${BRIDGE}tls`]: { enabled: true, alpn: ['mqtt'] } }],
  [connection('bridge_cafile /ca'), { [`${BRIDGE}tls`]: { enabled: true, caFile: '/ca' } }],
  [connection('bridge_certfile /c', 'bridge_keyfile /k'), { [`${BRIDGE}tls`]: { enabled: true, certFile: '/c', keyFile: '/k' } }],
  [connection('bridge_ciphers A'), { [`${BRIDGE}tls.enabled`]: true }, 'missing'],
  [connection('bridge_ciphers_tls1.3 A'), { [`${BRIDGE}tls.enabled`]: true }, 'missing'],
  [connection('bridge_identity i', 'bridge_psk 0011'), { [`${BRIDGE}tls`]: { enabled: true, pskIdentity: 'i', pskFile: '/etc/postern/bridge-c.psk' } }],
  [connection('bridge_insecure true'), 'missing'],
  [connection('bridge_insecure false'), 'needless'],
  [connection('bridge_require_ocsp true'), 'missing'],
  [connection('bridge_tls_version tlsv1.2'), { [`${BRIDGE}tls.enabled`]: true }, 'needless'],
  [connection('bridge_tls_use_os_certs true'), { [`${BRIDGE}tls.enabled`]: true }, 'differs'],
  [connection('bridge_max_topic_alias 5'), { [`${BRIDGE}topicAliasMax`]: 5 }],
  [connection('bridge_receive_maximum 5'), { [`${BRIDGE}inflightMax`]: 5 }],
  [connection('bridge_session_expiry_interval 60'), { [`${BRIDGE}sessionExpirySeconds`]: 60 }],
  [connection('bridge_reload_type immediate'), 'needless'],
  [connection('bridge_reload_type lazy'), 'differs'],
  [connection('bridge_tcp_keepalive 9 2 3'), { [`${BRIDGE}tcpKeepAliveSeconds`]: 9 }, 'differs'],
  [connection('bridge_tcp_user_timeout 10'), 'missing'],
];

/** Whose values are files: told in access.test.ts. */
const FILES = ['acl_file', 'password_file', 'psk_file', 'psk_hint', 'capath', 'bridge_capath', 'include_dir', 'tls_version', 'ciphers'];

const TABLES: readonly (readonly [of: string, cases: readonly Case[]])[] = [
  ['the broker', GENERAL],
  ['a listener', LISTENERS],
  ['TLS', TLS],
  ['a bridge', BRIDGES],
];

describe.each(TABLES)('options of %s', (_, cases) => {
  test.each(cases.map(([lines, becomes, also]) => ({ lines, becomes, also })))('$lines', ({ lines, becomes, also }) => {
    const { config, remarks, problems } = imported(`${lines}\n${lines.startsWith('allow_anonymous') ? 'listener 1883\n' : ''}`);
    const expected = typeof becomes === 'string' ? becomes : also;
    for (const [path, value] of Object.entries(typeof becomes === 'string' ? {} : becomes)) expect(at(config, path)).toStrictEqual(value);
    expect(remarks.map((text) => text.split(' ').at(-1))).toStrictEqual(expected === undefined ? [] : [expected]);
    expect(problems).toStrictEqual([]);
  });
});

test('every option of the manual is among them', () => {
  const tried = TABLES.flatMap(([, cases]) => cases).flatMap(([lines]) => lines.split('\n').map((line) => line.split(' ', 1)[0] ?? ''));
  const manual = readFileSync(join(import.meta.dirname, 'mosquitto-2.0-options.txt'), 'utf8')
    .trim()
    .split('\n');
  expect(manual.length).toBeGreaterThan(100);
  expect(manual.filter((option) => ![...tried, ...FILES].includes(option))).toStrictEqual([]);
});
