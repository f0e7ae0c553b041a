// Clients that have proven who they are while the disk is behind. Each writes a session, so they wait at the door, in the order they came: of two
// connections of one client the later one must win. How many wait, and how long, is bounded.
import type { ConnectOutcome, ConnectRequest } from '../gateway/gateway.ts';
import { INTERNAL_PROTOCOL } from '../model/client.ts';
import type { CancelTimer } from '../model/clock.ts';
import { CONNECT_WITHHELD_MS, CONNECTS_WITHHELD_BYTES_MAX, CONNECTS_WITHHELD_MAX, WITHHELD_PACKET_BYTES } from '../model/limits.ts';
import type { Core } from './core.ts';
import type { WithheldPublisher } from './withheld.ts';

export type Opened = Exclude<ConnectOutcome, { readonly kind: 'challenge' }>;

const BUSY: Opened = { kind: 'refused', reason: 'busy' };

interface Arrival {
  readonly bytes: number;
  readonly open: () => void;
  readonly refuse: () => void;
}

export class Arrivals implements WithheldPublisher {
  readonly #core: Pick<Core, 'store' | 'withheld' | 'clock' | 'counters'>;
  /** Who came first is the first. */
  readonly #waiting = new Set<Arrival>();
  #bytes = 0;

  constructor(core: Pick<Core, 'store' | 'withheld' | 'clock' | 'counters'>) {
    this.#core = core;
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** How many of those that wait for room are these: all of them are one. */
  get places(): number {
    return this.#waiting.size > 0 ? 1 : 0;
  }

  /** @param open - writes before it first waits for anything. */
  admit(request: ConnectRequest, open: () => Promise<Opened>): Promise<Opened> {
    const { store, counters } = this.#core;
    if (isAwaited(request) || (this.#waiting.size === 0 && store.makeRoom())) return open();
    const bytes = WITHHELD_PACKET_BYTES + (request.will?.draft.payload.length ?? 0) + (request.credentials.password?.length ?? 0);
    if (!request.isReliableLink || !this.#hasPlace(bytes)) {
      counters.connectsRefused.value += 1; // a datagram that is not answered comes again by itself, and another beside it
      return Promise.resolve(BUSY);
    }
    counters.connectsWithheld.value += 1;
    return new Promise((resolve, reject) => this.#wait(bytes, { open: () => void open().then(resolve, reject), refuse: () => resolve(BUSY) }));
  }

  /** Lets the first one in; the others have their turn behind the clients that wait for room. */
  takeWithheld(): boolean {
    const { store, withheld } = this.#core;
    const [first] = this.#waiting;
    if (first === undefined) return true;
    if (!store.makeRoom()) return false;
    first.open();
    if (this.#waiting.size > 0) withheld.hold(this, 0);
    return true;
  }

  /** The gateway stops. */
  stop(): void {
    for (const arrival of [...this.#waiting]) arrival.refuse();
  }

  #hasPlace(bytes: number): boolean {
    if (this.#waiting.size >= CONNECTS_WITHHELD_MAX || this.#bytes + bytes > CONNECTS_WITHHELD_BYTES_MAX) return false;
    return this.#waiting.size > 0 || this.#core.withheld.hold(this, 0);
  }

  #wait(bytes: number, answers: { readonly open: () => void; readonly refuse: () => void }): void {
    const { clock, counters } = this.#core;
    let cancel: CancelTimer | undefined;
    const leaving = (run: () => void) => (): void => {
      cancel?.();
      this.#leave(arrival);
      run();
    };
    const arrival: Arrival = { bytes, open: leaving(answers.open), refuse: leaving(answers.refuse) };
    this.#waiting.add(arrival);
    this.#bytes += bytes;
    cancel = clock.after(CONNECT_WITHHELD_MS, () => {
      counters.connectsRefused.value += 1;
      arrival.refuse();
    });
  }

  #leave(arrival: Arrival): void {
    this.#waiting.delete(arrival);
    this.#bytes -= arrival.bytes;
    if (this.#waiting.size === 0) this.#core.withheld.release(this);
  }
}

/** The gateway's own clients, and those a restart left: there are only so many, and the start waits for them. */
function isAwaited({ origin, credentials }: ConnectRequest): boolean {
  return origin === 'restart' || credentials.protocol === INTERNAL_PROTOCOL;
}
