// STOMP frames as values (STOMP 1.2 "STOMP Frames"). The words are the specification's.
import { GatewayError } from '../../src/model/errors.ts';

export type StompVersion = '1.0' | '1.1' | '1.2';

/** Newest first. */
export const VERSIONS: readonly StompVersion[] = ['1.2', '1.1', '1.0'];

export const CLIENT_COMMANDS = ['CONNECT', 'STOMP', 'SEND', 'SUBSCRIBE', 'UNSUBSCRIBE', 'ACK', 'NACK', 'BEGIN', 'COMMIT', 'ABORT', 'DISCONNECT'] as const;
export const SERVER_COMMANDS = ['CONNECTED', 'MESSAGE', 'RECEIPT', 'ERROR'] as const;

export type ClientCommand = (typeof CLIENT_COMMANDS)[number];
export type ServerCommand = (typeof SERVER_COMMANDS)[number];
export type Command = ClientCommand | ServerCommand;

/** In the order of the wire; of a name that is repeated the first counts (STOMP 1.2 "Repeated Header Entries"). */
export type Headers = readonly (readonly [name: string, value: string])[];

export interface Frame {
  readonly command: Command;
  readonly headers: Headers;
  /** Borrowed from the decoder until the visit ends. */
  readonly body: Buffer;
}

export const NO_HEADERS: Headers = [];

/** Value of the first header of that name. */
export function headerOf(headers: Headers, name: string): string | undefined {
  for (const header of headers) if (header[0] === name) return header[1];
  return undefined;
}

/** What a client did that STOMP has no other answer to than ERROR and the end of the connection. */
export class StompError extends GatewayError {
  override readonly name = 'StompError';
  /** The rule that was broken, e.g. `STOMP 1.2 SUBSCRIBE`. */
  readonly clause: string;

  /** @param message - becomes the ERROR frame's `message` header. */
  constructor(clause: string, message: string) {
    super('PROTOCOL_VIOLATION', message);
    this.clause = clause;
  }
}
