// The PROXY protocol of HAProxy, versions 1 and 2: before anything else a proxy says for whom it connects. Pure: bytes in, a header out.
// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt (the sections named here are its own)
import { isIPv4, isIPv6 } from 'node:net';
import { MalformedPacketError } from '../model/errors.ts';
import { PROXY_HEADER_BYTES_MAX } from '../model/limits.ts';
import { Accumulator } from '../wire/accumulator.ts';
import { canonicalIpv6, type ProxyHeader, readV2, SIGNATURE, V2_FIXED_BYTES } from './proxy-protocol-v2.ts';

/** Versions that are understood. */
export type ProxyVersions = 'v1' | 'v2' | 'both';

export interface ParsedProxyHeader {
  readonly header: ProxyHeader;
  /** What came behind the header: the first bytes of the client. */
  readonly rest: Buffer;
}

const V1_PREFIX = Buffer.from('PROXY ', 'latin1');
const V1_BYTES_MAX = 107; // §2.1, with its CRLF
const CR = 0x0d;
const LF = 0x0a;
const PORT = /^(?:0|[1-9]\d{0,4})$/;
const PORT_MAX = 65_535;
/** A zone (`fe80::1%eth0`) is of the proxy's machine. */
const ZONE = '%';

/** Reads one header, however it is cut. What cannot become one is known with its first wrong byte. */
export class ProxyHeaderParser {
  readonly #versions: ProxyVersions;
  readonly #read = new Accumulator();

  constructor(versions: ProxyVersions) {
    this.#versions = versions;
  }

  /**
   * @param bytes - borrowed until this returns; `rest` is a part of them.
   * @returns undefined while more is to come; not to be called after that.
   * @throws MalformedPacketError
   */
  push(bytes: Buffer): ParsedProxyHeader | undefined {
    const before = this.#read.length;
    const end = Math.min(bytes.length, PROXY_HEADER_BYTES_MAX - before);
    this.#read.append(bytes, { start: 0, end }, PROXY_HEADER_BYTES_MAX);
    const known = this.#read.bytes.subarray(0, this.#read.length);
    const found = this.#isVersion2(known) ? completeV2(known) : completeV1(known);
    return found && { header: found.header, rest: bytes.subarray(found.size - before) };
  }

  /** The first bytes tell the versions apart; a version that is not expected is as wrong as anything else. */
  #isVersion2(known: Buffer): boolean {
    const isV2 = this.#versions !== 'v1' && begins(known, SIGNATURE);
    const isV1 = this.#versions !== 'v2' && begins(known, V1_PREFIX);
    if (!isV1 && !isV2) throw new MalformedPacketError('PROXY §2', 'does not begin with a PROXY header');
    return isV2;
  }
}

interface Complete {
  readonly header: ProxyHeader;
  readonly size: number;
}

/** Whether `known` and `prefix` agree as far as both go. */
function begins(known: Buffer, prefix: Buffer): boolean {
  const size = Math.min(known.length, prefix.length);
  return known.subarray(0, size).equals(prefix.subarray(0, size));
}

function completeV2(known: Buffer): Complete | undefined {
  if (known.length < V2_FIXED_BYTES) return undefined;
  const size = V2_FIXED_BYTES + known.readUInt16BE(V2_FIXED_BYTES - 2);
  if (size > PROXY_HEADER_BYTES_MAX) throw new MalformedPacketError('PROXY §2.2', `header of ${size} bytes, above ${PROXY_HEADER_BYTES_MAX}`);
  return known.length < size ? undefined : { header: readV2(known.subarray(0, size)), size };
}

function completeV1(known: Buffer): Complete | undefined {
  const end = known.subarray(0, V1_BYTES_MAX - 1).indexOf(CR);
  if (end === -1 && known.length >= V1_BYTES_MAX - 1) throw new MalformedPacketError('PROXY §2.1', `no end of the line within ${V1_BYTES_MAX} bytes`);
  if (end === -1 || known.length === end + 1) return undefined;
  if (known[end + 1] !== LF) throw new MalformedPacketError('PROXY §2.1', 'CR without LF');
  return { header: readV1(known.toString('latin1', V1_PREFIX.length, end)), size: end + 2 };
}

/** `TCP4 192.0.2.7 198.51.100.1 49152 1883`, with single spaces; what follows UNKNOWN is nobody's concern. */
function readV1(line: string): ProxyHeader {
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return {};
  const [family, host = '', destination = '', port = '', destinationPort = '', ...more] = line.split(' ');
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined) throw new MalformedPacketError('PROXY §2.1', 'neither TCP4 nor TCP6 nor UNKNOWN');
  if (![host, destination].every((address) => isAddress(address) && !address.includes(ZONE)))
    throw new MalformedPacketError('PROXY §2.1', `not an address of ${family}`);
  if (![port, destinationPort].every((number) => PORT.test(number) && Number(number) <= PORT_MAX)) throw new MalformedPacketError('PROXY §2.1', 'not a port');
  if (more.length > 0) throw new MalformedPacketError('PROXY §2.1', 'more than two addresses and two ports');
  return { source: { host: family === 'TCP6' ? canonicalIpv6(host) : host, port: Number(port) } };
}
