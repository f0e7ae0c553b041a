/** One published message: who sent it, at which QoS, as which of its messages at that QoS. */
export interface Reading {
  readonly source: string;
  readonly qos: 1 | 2;
  /** Counts from 1 per source and QoS. */
  readonly number: number;
}

const PAYLOAD = /^([\w-]+),([12]),(\d+)$/;

/** The payload that says so; also the name of the reading in a ledger. */
export function payloadOf({ source, qos, number }: Reading): string {
  return `${source},${qos},${number}`;
}

/** @returns undefined for what is no reading. */
export function readingOf(payload: string): Reading | undefined {
  const [, source, qos, number] = PAYLOAD.exec(payload) ?? [];
  if (source === undefined) return undefined;
  return { source, qos: qos === '1' ? 1 : 2, number: Number(number) };
}
