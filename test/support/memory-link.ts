// A stream transport without a network: the peer of each link is a script. Output goes through the same buffers and thresholds as a socket's.
import { type PeerAddress, peerAddress } from '../../src/model/client.ts';
import { GatewayError } from '../../src/model/errors.ts';
import { LINK_OUT_UNREAD_BYTES } from '../../src/model/limits.ts';
import { LinkOutput } from '../../src/transport/link-output.ts';
import type { Link, LinkHandlers, StreamTransport } from '../../src/transport/transport.ts';
import { TurnWriter } from '../../src/transport/turn-writer.ts';
import type { OutBuffer } from '../../src/wire/out-buffer.ts';

/** What becomes of bytes that somebody kept without a copy. */
const POISON = 0xee;

export class MemoryTransport implements StreamTransport {
  readonly name: string;
  readonly address = 'memory';
  readonly #writer = new TurnWriter();
  #onLink: ((link: Link) => void) | undefined;
  #connections = 0;

  constructor(name = 'memory') {
    this.name = name;
  }

  async listen(onLink: (link: Link) => void): Promise<void> {
    this.#onLink = onLink;
  }

  async close(): Promise<void> {
    this.#onLink = undefined;
  }

  /** @throws GatewayError LINK_CLOSED - nothing listens. */
  connect(): MemoryPeer {
    if (this.#onLink === undefined) throw new GatewayError('LINK_CLOSED', 'nothing listens');
    this.#connections += 1;
    const peer = new MemoryPeer();
    const link = new MemoryLink(peer, { listener: this.name, number: this.#connections, writer: this.#writer });
    peer.attach(link);
    this.#onLink(link);
    return peer;
  }
}

/** The far end of a link: it sends what it is told, keeps what it receives, and answers an end with an end. */
export class MemoryPeer {
  #link: MemoryLink | undefined;
  #received: Buffer[] = [];
  #unread: { bytes: Buffer; onTaken: () => void }[] = [];
  #isReading = true;
  #isEndComing = false;
  #isEnded = false;

  /** Everything that was read so far. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  get receivedBytes(): number {
    return this.#received.reduce((sum, { length }) => sum + length, 0);
  }

  /** How many writes that took. */
  get writes(): number {
    return this.#received.length;
  }

  /** Whether the link has ended or broke. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  attach(link: MemoryLink): void {
    this.#link = link;
  }

  sends(bytes: Uint8Array): this {
    this.#link?.arrive(Buffer.from(bytes));
    return this;
  }

  /** Leaves what comes unread, as a peer does whose buffers are full. */
  stopsReading(): void {
    this.#isReading = false;
  }

  readsAgain(): void {
    this.#isReading = true;
    for (let next = this.#unread.shift(); next !== undefined; next = this.#unread.shift()) {
      this.#received.push(next.bytes);
      next.onTaken();
    }
    if (this.#isEndComing) this.#end();
  }

  /** Sends its end, and reads on until it is answered. */
  ends(): void {
    this.#link?.close();
  }

  resets(): void {
    this.#isEnded = true;
    this.#link?.fail(new GatewayError('LINK_CLOSED', 'connection reset'));
  }

  /** For the link: true when the bytes were read at once. */
  take(bytes: Buffer, onTaken: () => void): boolean {
    if (this.#isReading) this.#received.push(bytes);
    else this.#unread.push({ bytes, onTaken });
    return this.#isReading;
  }

  /** For the link: its end, behind all bytes. */
  takeEnd(): void {
    this.#isEndComing = true;
    if (this.#isReading) this.#end();
  }

  /** For the link: it is gone. */
  lose(): void {
    this.#isEnded = true;
  }

  #end(): void {
    this.#isEnded = true;
    this.#link?.closed();
  }
}

class MemoryLink implements Link {
  handlers: LinkHandlers = { onBytes() {}, onFull() {}, onDrain() {}, onClose() {} };
  readonly peer: PeerAddress;
  readonly peerHost = '';
  readonly listener: string;
  readonly isProxied = false;
  readonly certificateSubject = undefined;
  readonly certificateCommonName = undefined;
  readonly certificateIdentity = undefined;
  readonly pskIdentity = undefined;
  readonly serverName = undefined;
  readonly #far: MemoryPeer;
  readonly #output: LinkOutput;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #isPaused = false;
  #waiting: Buffer[] = [];

  constructor(far: MemoryPeer, facts: { listener: string; number: number; writer: TurnWriter }) {
    this.#far = far;
    this.listener = facts.listener;
    this.peer = peerAddress(`memory#${facts.number}`);
    this.#output = new LinkOutput(
      facts.writer,
      { headroom: 0, write: (buffers, writing) => far.take(copyOf(buffers), () => writing.taken()) },
      {
        onFull: () => this.handlers.onFull(),
        onDrain: () => this.#drained(),
      },
    );
  }

  reserve(size: number): OutBuffer {
    return this.#output.reserve(size);
  }

  send(bytes: Uint8Array): void {
    const out = this.#output.reserve(bytes.length);
    out.bytes.set(bytes, out.length);
    out.length += bytes.length;
  }

  pauseReading(): void {
    this.#isPaused = true;
  }

  resumeReading(): void {
    this.#isPaused = false;
    queueMicrotask(() => this.#readOn());
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#output.end();
    this.#far.takeEnd();
  }

  destroy(): void {
    this.#output.discard();
    this.#far.lose();
    this.closed();
  }

  arrive(bytes: Buffer): void {
    if (this.#state !== 'open') return;
    this.#waiting.push(bytes);
    this.#readOn();
  }

  fail(cause: GatewayError): void {
    this.closed(this.#state === 'open' ? cause : undefined);
  }

  closed(cause?: GatewayError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#output.discard();
    queueMicrotask(() => this.handlers.onClose(cause));
  }

  #drained(): void {
    this.#readOn();
    this.handlers.onDrain();
  }

  #readOn(): void {
    while (this.#state === 'open' && !this.#isPaused && this.#output.heldBytes <= LINK_OUT_UNREAD_BYTES) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) return;
      this.handlers.onBytes(bytes);
      bytes.fill(POISON); // they were borrowed: the next read of a socket goes into the same place
    }
  }
}

function copyOf(buffers: readonly OutBuffer[]): Buffer {
  return Buffer.concat(buffers.map(({ bytes, length }) => bytes.subarray(0, length)));
}
