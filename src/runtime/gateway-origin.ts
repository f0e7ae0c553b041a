// Who this gateway is, among all that pass its messages on: drawn once, when a bridge first needs it, and kept.
import { originMark } from '../bridge/origin-mark.ts';
import type { Clock } from '../model/clock.ts';
import type { Draft } from '../model/message.ts';
import type { SessionStore } from '../session/session-store.ts';

const OWNER = { gateway: 'origin' };
const ID_KEY = 'id';

export interface GatewayOriginParts {
  readonly store: Pick<SessionStore, 'gatewayState' | 'putState'>;
  readonly clock: Pick<Clock, 'random'>;
}

export class GatewayOrigin {
  readonly #parts: GatewayOriginParts;
  #id: string | undefined;

  constructor(parts: GatewayOriginParts) {
    this.#parts = parts;
    const known = parts.store.gatewayState(OWNER.gateway).get(ID_KEY);
    this.#id = known && Buffer.from(known).toString();
  }

  /** 16 hexadecimal digits. */
  get id(): string {
    this.#id ??= this.#draw();
    return this.#id;
  }

  /** The message was published here and comes home. */
  isOwn({ properties }: Draft): boolean {
    return this.#id !== undefined && originMark(properties)?.origin === this.#id;
  }

  #draw(): string {
    const { store, clock } = this.#parts;
    const word = (): string =>
      Math.floor(clock.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    const id = word() + word();
    store.putState(OWNER, ID_KEY, Buffer.from(id));
    return id;
  }
}
