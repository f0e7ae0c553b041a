import { BlockList, isIP } from 'node:net';
import { hostOf, type PeerAddress } from '../../model/client.ts';
import { GatewayError } from '../../model/errors.ts';

/** Peers by address. `192.0.2.7` and `::ffff:192.0.2.7`, as a dual-stack socket prints it, are the same address (RFC 4291 §2.5.5.2). */
export interface AddressPattern {
  includes(peer: PeerAddress): boolean;
}

/**
 * @param text - an IP address, a CIDR range, or the path of a device.
 * @throws GatewayError CONFIG_INVALID
 */
export function addressPattern(text: string): AddressPattern {
  if (text.startsWith('/')) return { includes: (peer) => peer === text || peer.startsWith(`${text}#`) };
  const [network = '', prefix, ...rest] = text.split('/');
  const family = isIP(network);
  const bits = family === 4 ? 32 : 128;
  const prefixLength = prefix === undefined ? bits : Number(prefix);
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && prefixLength <= bits);
  if (family === 0 || !isPrefix || rest.length > 0) {
    throw new GatewayError('CONFIG_INVALID', `"${text}" is neither an IP address, nor a range like 192.168.0.0/16, nor a device path`);
  }
  const list = new BlockList();
  list.addSubnet(network, prefixLength, familyName(family));
  return {
    includes(peer) {
      const host = hostOf(peer);
      const hostFamily = isIP(host);
      return hostFamily !== 0 && list.check(host, familyName(hostFamily));
    },
  };
}

function familyName(family: number): 'ipv4' | 'ipv6' {
  return family === 4 ? 'ipv4' : 'ipv6';
}
