import { AddressRanges } from '../model/address-ranges.ts';
import { hostOf, type PeerAddress } from '../model/client.ts';
import { GatewayError } from '../model/errors.ts';

/** Peers by address. */
export interface AddressPattern {
  includes(peer: PeerAddress): boolean;
}

/**
 * @param text - an IP address, a CIDR range, or the path of a device.
 * @throws GatewayError CONFIG_INVALID
 */
export function addressPattern(text: string): AddressPattern {
  if (text.startsWith('/')) return { includes: (peer) => peer === text || peer.startsWith(`${text}#`) };
  const ranges = new AddressRanges();
  if (!ranges.add(text)) {
    throw new GatewayError('CONFIG_INVALID', `"${text}" is neither an IP address, nor a range like 192.168.0.0/16, nor a device path`);
  }
  return { includes: (peer) => ranges.has(hostOf(peer)) };
}
