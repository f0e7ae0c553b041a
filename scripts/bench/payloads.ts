/** A size of payload, and what it adds to a scenario's name. */
export interface Payload {
  readonly bytes: number;
  readonly suffix: string;
}

/** A reading, and a document. */
export const PAYLOADS: readonly Payload[] = [
  { bytes: 64, suffix: '' },
  { bytes: 1024, suffix: '-1k' },
];
