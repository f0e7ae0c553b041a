// The options of mosquitto.conf(5) that belong to a listener, or to the users of one, and what becomes of each.
import { resolve } from 'node:path';
import { ConfError, type Place } from './conf-file.ts';
import { byValue, ifTrue, keep, key, missing, nearly, needless, oneOf, type Plain, type Row, type Table, whole, within, words } from './rows.ts';

const UINT16_MAX = 65_535;
const CONNECTIONS_BOUND = 1_000_000;
const VERSIONS: Readonly<Record<string, string>> = { 3: '3.1', 4: '3.1.1', 5: '5.0' };
const ENGINES = 'keys come from PEM files: there is no OpenSSL engine';

export const path = (text: string, place: Place): string => resolve(words(text, place));

const connections: Row = (line, draft) => {
  const count = whole(line.value, line);
  if (count >= 0) draft.put('connectionsMax', Math.min(CONNECTIONS_BOUND, Math.max(1, count)));
  return undefined;
};

const maximumQos = key('maximumQos', within(0, 2));

const minVersion = byValue({
  'tlsv1.3': key('tls.minVersion', () => '1.3'),
  'tlsv1.2': key('tls.minVersion', () => '1.2'),
  other: nearly('tls.minVersion', oneOf({ 'tlsv1.1': '1.2', tlsv1: '1.2' }), 'TLS 1.2 is the oldest that is spoken (RFC 8996)'),
});

export const LISTENER_OPTIONS: Table = {
  accept_protocol_versions: key('versions', versions),
  bind_address: keep,
  bind_interface: keep,
  cafile: keep,
  capath: keep,
  certfile: key('tls.certFile', path),
  ciphers: keep,
  'ciphers_tls1.3': keep,
  crlfile: keep,
  dhparamfile: needless('keys are agreed on elliptic curves'),
  disable_client_cert_date_checks: ifTrue(missing('a certificate that has expired is refused'), needless('dates are checked')),
  enable_proxy_protocol: keep,
  http_dir: missing('files are not served'),
  keyfile: key('tls.keyFile', path),
  max_connections: connections,
  max_qos: maximumQos,
  max_topic_alias: key('topicAliasMax', within(0, UINT16_MAX)),
  max_topic_alias_broker: key('topicAliasOutMax', within(0, UINT16_MAX)),
  maximum_qos: maximumQos,
  mount_point: key('mountPoint', words),
  port: keep,
  protocol: keep,
  proxy_protocol_v2_require_tls: ifTrue(missing("a proxy is trusted by its address, whatever it says of its clients' TLS"), needless('it is not required')),
  psk_hint: keep,
  require_certificate: keep,
  socket_domain: keep,
  tls_engine: missing(ENGINES),
  tls_engine_kpass_sha1: missing(ENGINES),
  tls_keyform: byValue({ pem: needless('keys are PEM files'), engine: missing(ENGINES) }),
  tls_version: minVersion,
  use_identity_as_username: keep,
  use_subject_as_username: keep,
  use_username_as_clientid: ifTrue(
    missing('client ids stay those the clients give; a session belongs to the user who made it'),
    needless('client ids stay as they are'),
  ),
  websockets_headers_size: needless('a request may have 8 KiB of headers'),
  websockets_origin: keep,
  listener_allow_anonymous: keep,
  listener_auto_id_prefix: missing('ids the gateway gives have no prefix'),
};

/** Of the listener they follow with `per_listener_settings`, of all without it. */
export const SECURITY_OPTIONS: Table = {
  acl_file: keep,
  allow_anonymous: keep,
  allow_zero_length_clientid: ifTrue(needless('clients without an id get one'), missing('clients without an id get one, as MQTT lets them ask')),
  auto_id_prefix: missing('ids the gateway gives have no prefix'),
  password_file: keep,
  psk_file: keep,
};

function versions(text: string, place: Place): Plain {
  const named = text
    .split(/[,\s]+/)
    .filter((each) => each !== '')
    .map((each) => (Object.hasOwn(VERSIONS, each) ? VERSIONS[each] : undefined));
  const known = named.filter((each) => each !== undefined);
  if (known.length === 0 || known.length < named.length) throw new ConfError(place, 'must name some of 3, 4, 5');
  return known;
}
