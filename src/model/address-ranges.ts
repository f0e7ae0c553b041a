// Addresses and ranges of them as configuration, rules and bans write them. From node:net only what reads addresses: nothing is opened here.
import { BlockList, isIP } from 'node:net';

interface Range {
  readonly network: string;
  readonly prefixLength: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** `192.0.2.7` and `::ffff:192.0.2.7`, as a dual-stack socket prints it, are the same address (RFC 4291 §2.5.5.2). */
export class AddressRanges {
  readonly #list = new BlockList();

  /** @param text - `10.0.0.1`, `fd00::/8`. @returns false: it is neither an address nor a range. */
  add(text: string): boolean {
    const range = rangeOf(text);
    if (range === undefined) return false;
    this.#list.addSubnet(range.network, range.prefixLength, range.family);
    return true;
  }

  /** @param host - of a peer; a name lies in no range. */
  has(host: string): boolean {
    const family = isIP(host);
    return family !== 0 && this.#list.check(host, familyName(family));
  }
}

export function isAddressRange(text: string): boolean {
  return rangeOf(text) !== undefined;
}

function rangeOf(text: string): Range | undefined {
  const [network = '', prefix, ...rest] = text.split('/');
  const family = isIP(network);
  const bits = family === 4 ? 32 : 128;
  const prefixLength = prefix === undefined ? bits : Number(prefix);
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && prefixLength <= bits);
  return family === 0 || !isPrefix || rest.length > 0 ? undefined : { network, prefixLength, family: familyName(family) };
}

function familyName(family: number): 'ipv4' | 'ipv6' {
  return family === 4 ? 'ipv4' : 'ipv6';
}
