// Messages that are in queues and nowhere else: no record, no row and no segment knows them. Their entries lie in the same sets as those of all others, so
// that order, bounds and priorities are one thing; what ends with the process is which of them these are, and what they say.
import type { Message } from '../model/message.ts';
import { messageSize } from './message-size.ts';
import type { ReferenceOptions, Sequence, StoredDelivery } from './session-store.ts';

interface VolatileMessage {
  readonly message: Message;
  readonly size: number;
  /** By session. */
  readonly references: Map<number, ReferenceOptions>;
}

/** By session, as their own: whoever writes a message shows one and the same options again. @param options - of each of the sessions, and maybe more. */
export function referencesOf(sessions: readonly { readonly id: number }[], options: readonly ReferenceOptions[]): Map<number, ReferenceOptions> {
  const references = new Map<number, ReferenceOptions>();
  for (const [at, { id }] of sessions.entries()) {
    const { qos, isRetain, identifiers } = options[at] as ReferenceOptions;
    references.set(id, { qos, isRetain, identifiers: [...identifiers] });
  }
  return references;
}

export class VolatileMessages {
  readonly #messages = new Map<Sequence, VolatileMessage>();
  #bytes = 0;

  get count(): number {
    return this.#messages.size;
  }

  /** Each message once, however many queues it is in. */
  get bytes(): number {
    return this.#bytes;
  }

  has(sequence: Sequence): boolean {
    return this.#messages.size > 0 && this.#messages.has(sequence);
  }

  /** Keeps the message, until the last of its references is released. */
  put(sequence: Sequence, message: Message, references: Map<number, ReferenceOptions>): void {
    const size = messageSize(message);
    this.#messages.set(sequence, { message: message.keep(), size, references });
    this.#bytes += size;
  }

  read(session: number, sequence: Sequence): StoredDelivery | undefined {
    const found = this.#messages.get(sequence);
    const options = found?.references.get(session);
    return found === undefined || options === undefined ? undefined : { ...options, message: found.message };
  }

  /** @returns false when the message is none of these. */
  release(session: number, sequence: Sequence): boolean {
    if (this.#messages.size === 0) return false;
    const found = this.#messages.get(sequence);
    if (found === undefined) return false;
    found.references.delete(session);
    if (found.references.size > 0) return true;
    this.#messages.delete(sequence);
    this.#bytes -= found.size;
    return true;
  }
}
