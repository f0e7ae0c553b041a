// A header of version 2 of the PROXY protocol, §2.2.
import { isUtf8 } from 'node:buffer';
import { SocketAddress } from 'node:net';
import { MalformedPacketError } from '../model/errors.ts';

/** What a proxy says of the client it connects for. */
export interface ProxyHeader {
  /** Absent when the proxy speaks for itself, or does not tell: the address of the connection holds. */
  readonly source?: { readonly host: string; readonly port: number };
  /** Of the client's certificate, which the proxy has verified. */
  readonly commonName?: string;
  /** Host name the client asked the proxy for. */
  readonly serverName?: string;
}

export const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
/** Signature, version and command, family and protocol, length of the rest. */
export const V2_FIXED_BYTES = 16;

const VERSION_2 = 0x20;
const LOCAL = 0x0;
const PROXY = 0x1;

/** Size of the two addresses and ports by family and protocol; what else there is goes over datagrams, which this is not. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 0: 0, 17: 12, 33: 36, 49: 216 };
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

const TYPE_AUTHORITY = 0x02;
const TYPE_SSL = 0x20;
const SUBTYPE_SSL_COMMON_NAME = 0x22;
/** Client bits of TYPE_SSL: over TLS, and with a certificate in this connection or in this session. */
const CLIENT_SSL = 0x01;
const CLIENT_CERTIFICATE = 0x02 | 0x04;
/** Client bits, and the result of the verification in four bytes. */
const SSL_FIXED_BYTES = 5;

/** @param bytes - a whole header that begins with the signature. @throws MalformedPacketError */
export function readV2(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const command = versionAndCommand & 0x0f;
  if ((versionAndCommand & 0xf0) !== VERSION_2) throw new MalformedPacketError('PROXY §2.2', 'not version 2');
  if (command === LOCAL) return {};
  if (command !== PROXY) throw new MalformedPacketError('PROXY §2.2', `unknown command ${command}`);
  const size = ADDRESS_BYTES[family];
  if (size === undefined) throw new MalformedPacketError('PROXY §2.2', `family and protocol 0x${family.toString(16)} are not of a stream`);
  const addresses = bytes.subarray(V2_FIXED_BYTES);
  if (addresses.length < size) throw new MalformedPacketError('PROXY §2.2', 'too short for its addresses');
  return { ...sourceOf(family, addresses), ...told(addresses.subarray(size)) };
}

function sourceOf(family: number, addresses: Buffer): Pick<ProxyHeader, 'source'> {
  if (family === TCP_OVER_IPV4) return { source: { host: addresses.subarray(0, 4).join('.'), port: addresses.readUInt16BE(8) } };
  if (family === TCP_OVER_IPV6) return { source: { host: ipv6Text(addresses.subarray(0, 16)), port: addresses.readUInt16BE(32) } };
  return {};
}

function ipv6Text(bytes: Buffer): string {
  return canonicalIpv6(Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16)).join(':'));
}

/** One address has one text, as the kernel prints it: bans and rules compare texts. */
export function canonicalIpv6(address: string): string {
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

function told(vectors: Buffer): Pick<ProxyHeader, 'commonName' | 'serverName'> {
  const found: { commonName?: string; serverName?: string } = {};
  for (const [type, value] of typeLengthValues(vectors)) {
    if (type === TYPE_AUTHORITY && value.length > 0) found.serverName = textOf(value).toLowerCase();
    if (type !== TYPE_SSL) continue;
    const commonName = commonNameOf(value);
    if (commonName !== undefined) found.commonName = commonName;
  }
  return found;
}

/** Undefined unless the proxy says that the client showed a certificate and that it verified (§2.2.5). */
function commonNameOf(ssl: Buffer): string | undefined {
  if (ssl.length < SSL_FIXED_BYTES) throw new MalformedPacketError('PROXY §2.2.5', 'PP2_TYPE_SSL too short');
  const client = ssl.readUInt8(0);
  const isVerified = (client & CLIENT_SSL) !== 0 && (client & CLIENT_CERTIFICATE) !== 0 && ssl.readUInt32BE(1) === 0;
  const found = [...typeLengthValues(ssl.subarray(SSL_FIXED_BYTES))].find(([type]) => type === SUBTYPE_SSL_COMMON_NAME);
  return !isVerified || found === undefined || found[1].length === 0 ? undefined : textOf(found[1]);
}

function* typeLengthValues(bytes: Buffer): Generator<readonly [type: number, value: Buffer]> {
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 3) throw new MalformedPacketError('PROXY §2.2.1', 'an additional field is cut');
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) throw new MalformedPacketError('PROXY §2.2.1', 'an additional field is longer than the header');
    yield [bytes.readUInt8(at), bytes.subarray(at + 3, end)];
    at = end;
  }
}

function textOf(value: Buffer): string {
  if (!isUtf8(value)) throw new MalformedPacketError('PROXY §2.2', 'a name is not UTF-8');
  return value.toString('utf8');
}
