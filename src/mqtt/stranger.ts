// Who calls a port of MQTT and speaks something else, by the first octets. What an operator is told of it spares them to read those.

export interface Stranger {
  /** Its counter is `mqtt.strangers.<key>`. */
  readonly key: 'tls' | 'http' | 'ssh' | 'proxy';
  readonly protocol: string;
  readonly advice: string;
}

const TLS: Stranger = { key: 'tls', protocol: 'TLS on a port without', advice: 'let it call the port of mqtt.tls, or leave TLS out' };
const HTTP: Stranger = { key: 'http', protocol: 'HTTP', advice: 'a client of MQTT over WebSocket calls the port of mqtt.ws or mqtt.wss' };
const SSH: Stranger = { key: 'ssh', protocol: 'SSH', advice: 'not this port' };
const PROXY: Stranger = {
  key: 'proxy',
  protocol: 'a PROXY header',
  advice: 'set proxyProtocol and proxyTrusted of the listener behind a proxy that sends it',
};

const METHODS = ['GET ', 'HEAD ', 'POST ', 'PUT ', 'DELETE ', 'OPTIONS ', 'PATCH ', 'CONNECT ', 'TRACE ', 'PRI * HTTP/2'];

const BEGINNINGS: readonly (readonly [octets: Buffer, Stranger])[] = [
  [Buffer.of(0x16, 0x03), TLS], // RFC 8446 §5.1: handshake, of any version
  ...METHODS.map((method): readonly [Buffer, Stranger] => [Buffer.from(method), HTTP]),
  [Buffer.from('SSH-'), SSH], // RFC 4253 §4.2
  [Buffer.from('PROXY '), PROXY],
  [Buffer.from('0d0a0d0a000d0a515549540a', 'hex'), PROXY],
];

/** @param bytes - the first of a link, which were not MQTT. */
export function strangerOf(bytes: Buffer): Stranger | undefined {
  return BEGINNINGS.find(([octets]) => bytes.subarray(0, octets.length).equals(octets))?.[1];
}
