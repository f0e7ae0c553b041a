// Where a message began and how many bridges it has crossed, as one User Property that every gateway on its way passes on: `pst-origin: 9f2c6a01d3b47e55/2`.
import type { MessageProperties, UserProperties } from '../model/message.ts';

export const ORIGIN_PROPERTY = 'pst-origin';
/** Of a message that came over a bridge without a mark: from a broker that gives none. */
export const UNKNOWN_ORIGIN = '-';

export interface OriginMark {
  /** The gateway it was published at; `UNKNOWN_ORIGIN`. */
  readonly origin: string;
  /** Bridges it has crossed, in either direction. */
  readonly hops: number;
}

/** Anybody may write anything: what is no mark is none. */
const MARK = /^([0-9a-f]{16}|-)\/(\d{1,3})$/;

/** The last of several. */
export function originMark(properties: MessageProperties | undefined): OriginMark | undefined {
  const text = properties?.userProperties?.findLast(([name]) => name === ORIGIN_PROPERTY)?.[1];
  const [, origin, hops] = (text === undefined ? undefined : MARK.exec(text)) ?? [];
  return origin === undefined ? undefined : { origin, hops: Number(hops) };
}

/** The properties with that mark and no other. */
export function marked(properties: MessageProperties | undefined, { origin, hops }: OriginMark): MessageProperties {
  const others: UserProperties = properties?.userProperties?.filter(([name]) => name !== ORIGIN_PROPERTY) ?? [];
  return { ...properties, userProperties: [...others, [ORIGIN_PROPERTY, `${origin}/${hops}`]] };
}
