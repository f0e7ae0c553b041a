// Connections that come through a proxy: who may be one, and what it says before the first byte of the client.
import type { Socket } from 'node:net';
import { AddressRanges } from '../model/address-ranges.ts';
import type { Clock } from '../model/clock.ts';
import { MalformedPacketError } from '../model/errors.ts';
import { PROXY_HEADER_TIMEOUT_MS } from '../model/limits.ts';
import { endpoint, hostText } from './address.ts';
import { type ParsedProxyHeader, ProxyHeaderParser, type ProxyVersions } from './proxy-protocol.ts';
import type { ProxyHeader } from './proxy-protocol-v2.ts';
import type { LinkFacts } from './transport.ts';

export interface ProxyOptions {
  readonly versions: ProxyVersions;
  /** Whether a connection from this host may be a proxy's. */
  isTrusted(host: string): boolean;
}

/** @param ranges - checked addresses and ranges: `10.0.0.1`, `fd00::/8`. @returns undefined: there is no proxy. */
export function proxyOptions(versions: 'off' | ProxyVersions, ranges: readonly string[]): ProxyOptions | undefined {
  if (versions === 'off') return undefined;
  const trusted = new AddressRanges();
  for (const range of ranges) trusted.add(range);
  // A Unix socket has no host: who may write to it is trusted already.
  return { versions, isTrusted: (host) => host === '' || trusted.has(host) };
}

/** The facts of a connection once its proxy has spoken. */
export function proxiedFacts(facts: LinkFacts, { source, commonName, serverName }: ProxyHeader): LinkFacts {
  const told = { ...facts, isProxied: true, certificateCommonName: commonName, certificateIdentity: commonName, serverName };
  if (source === undefined) return told;
  const peerHost = hostText(source.host);
  return { ...told, peerHost, peer: endpoint(peerHost, source.port) };
}

interface HeaderOutcome {
  /** Everything behind the header is still to be read from the socket. */
  onHeader(header: ProxyHeader): void;
  /** The socket is to be given up. */
  onFailure(reason: string): void;
}

/** Reads the header of a new connection, and calls one of the two, once. */
export function readProxyHeader(socket: Socket, options: { readonly versions: ProxyVersions; readonly clock: Clock }, outcome: HeaderOutcome): void {
  const parser = new ProxyHeaderParser(options.versions);
  const settle = (): void => {
    cancelTimeout();
    socket.off('data', receive).off('close', leave);
  };
  const fail = (reason: string): void => {
    settle();
    outcome.onFailure(reason);
  };
  const receive = (bytes: Buffer): void => {
    const parsed = parsedBy(parser, bytes);
    if (typeof parsed === 'string') fail(parsed);
    if (parsed === undefined || typeof parsed === 'string') return;
    settle();
    if (parsed.rest.length > 0) socket.unshift(parsed.rest);
    outcome.onHeader(parsed.header);
  };
  const leave = (): void => fail('it left before the end');
  const cancelTimeout = options.clock.after(PROXY_HEADER_TIMEOUT_MS, () => fail(`not complete within ${PROXY_HEADER_TIMEOUT_MS} ms`));
  socket.on('data', receive);
  socket.on('close', leave);
  socket.on('error', () => {}); // 'close' follows
}

/** @returns what is wrong as text. */
function parsedBy(parser: ProxyHeaderParser, bytes: Buffer): ParsedProxyHeader | string | undefined {
  try {
    return parser.push(bytes);
  } catch (error) {
    if (!(error instanceof MalformedPacketError)) throw error;
    return error.message;
  }
}
