// What every stream transport promises, whatever moves its bytes. Run against TCP, TLS and the in-process one.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { GatewayError } from '../../src/model/errors.ts';
import type { Link, StreamTransport } from '../../src/transport/transport.ts';

/** The far end of one link. */
export interface PeerEnd {
  sends(bytes: Uint8Array): void;
  readonly received: Buffer;
  readonly receivedBytes: number;
  /** Whether the link's end has arrived, or it broke. */
  readonly isEnded: boolean;
  stopsReading(): void;
  readsAgain(): void;
  /** Sends its end, and reads on. */
  ends(): void;
  resets(): void;
}

export interface StreamBench {
  readonly transport: StreamTransport;
  connects(): Promise<PeerEnd>;
  stop(): Promise<void>;
}

/** A link and everything its owner was told. */
export class OwnedLink {
  readonly link: Link;
  readonly closes: (GatewayError | undefined)[] = [];
  readonly events: string[] = [];
  receivedBytes = 0;
  #parts: Buffer[] = [];
  /** What the owner does with what arrives. */
  onBytes: (bytes: Buffer) => void = () => {};

  constructor(link: Link) {
    this.link = link;
    link.handlers = {
      onBytes: (bytes) => {
        this.#parts.push(Buffer.from(bytes)); // borrowed
        this.receivedBytes += bytes.length;
        this.onBytes(bytes);
      },
      onFull: () => this.events.push('full'),
      onDrain: () => this.events.push('drain'),
      onClose: (cause) => this.closes.push(cause),
    };
  }

  get received(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** Sends until the link is full, then stops, as it should. @returns what was sent. */
  fills(): Buffer {
    const parts: Buffer[] = [];
    for (let n = 0; !this.events.includes('full'); n += 1) {
      const part = pattern(10_000, n);
      this.link.send(part);
      parts.push(part);
      if (n > 10_000) throw new Error('100 MB were taken: nothing says full');
    }
    return Buffer.concat(parts);
  }
}

/** Bytes that tell where they belong. */
export function pattern(size: number, seed = 0): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 1) bytes[at] = (at * 31 + seed * 7 + (at >> 8)) & 0xff;
  return bytes;
}

/** Waits for the network, not for the clock. */
export function eventually(expectation: () => void): Promise<void> {
  return vi.waitFor(expectation, { timeout: 5_000, interval: 2 });
}

/** @param resets - false where a peer cannot break a connection other than by ending it. */
export function streamTransportContract(title: string, start: () => Promise<StreamBench>, { resets = true } = {}): void {
  describe(`${title} as a stream transport`, () => {
    let bench: StreamBench;
    let links: OwnedLink[];
    /** What the owner does with a new link. */
    let onLink: (owned: OwnedLink) => void;

    beforeEach(async () => {
      bench = await start();
      links = [];
      onLink = () => {};
      await bench.transport.listen((link) => {
        const owned = new OwnedLink(link);
        links.push(owned);
        onLink(owned);
      });
    });
    afterEach(() => bench.stop());

    /** A peer and its link. */
    async function pair(): Promise<[PeerEnd, OwnedLink]> {
      const known = links.length;
      const peer = await bench.connects();
      await eventually(() => expect(links.length).toBeGreaterThan(known));
      const owned = links[known];
      if (owned === undefined) throw new Error('no link');
      return [peer, owned];
    }

    async function pairWith(whenNew: (owned: OwnedLink) => void): Promise<[PeerEnd, OwnedLink]> {
      onLink = whenNew;
      const made = await pair();
      onLink = () => {};
      return made;
    }

    /** Resolves when another connection has come and its bytes gone through: what was under way before has arrived. */
    async function somethingElseArrives(): Promise<void> {
      const [peer, owned] = await pair();
      peer.sends(Buffer.from('fence'));
      await eventually(() => expect(owned.received.toString()).toBe('fence'));
      owned.link.destroy();
      await eventually(() => expect(owned.closes).toHaveLength(1));
    }

    /** Fills the link and everything between it and a peer that does not read. */
    async function clogged(owned: OwnedLink): Promise<Buffer> {
      const sent: Buffer[] = [];
      do {
        owned.events.length = 0;
        sent.push(owned.fills());
        await somethingElseArrives();
      } while (owned.events.includes('drain'));
      return Buffer.concat(sent);
    }

    describe('bytes', () => {
      test('a link says where it came in', async () => {
        const [, { link }] = await pair();
        expect(link.listener).toBe(bench.transport.name);
        expect(link.peer).not.toBe('');
      });

      test.each([1, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537, 2_000_000])('%i bytes arrive as they are, both ways', async (size) => {
        const [peer, owned] = await pair();
        const bytes = pattern(size);
        owned.link.send(bytes);
        peer.sends(bytes);
        await eventually(() => expect(peer.received.equals(bytes)).toBe(true));
        await eventually(() => expect(owned.received.equals(bytes)).toBe(true));
      });

      test('what is written into reserved room and what is sent keep their order, over turns and buffers', async () => {
        const [peer, { link }] = await pair();
        const expected: Buffer[] = [];
        for (let n = 0; n < 300; n += 1) {
          const bytes = pattern(1 + ((n * 977) % 3_000), n);
          const out = link.reserve(bytes.length + 10);
          expect(out.free).toBeGreaterThanOrEqual(bytes.length + 10);
          bytes.copy(out.bytes, out.length);
          out.length += bytes.length; // less than was asked for
          link.send(Buffer.from([n & 0xff]));
          expected.push(bytes, Buffer.from([n & 0xff]));
          if (n % 50 === 0) await somethingElseArrives();
        }
        await eventually(() => expect(peer.received.equals(Buffer.concat(expected))).toBe(true));
      });

      test('bytes sent one by one arrive in order', async () => {
        const [peer, owned] = await pair();
        const bytes = pattern(200);
        for (const byte of bytes) peer.sends(Buffer.from([byte]));
        await eventually(() => expect(owned.received.equals(bytes)).toBe(true));
      });

      test('an answer given while reading goes out in the same turn', async () => {
        const [peer, owned] = await pair();
        owned.onBytes = (bytes) => owned.link.send(bytes);
        peer.sends(Buffer.from('echo'));
        await eventually(() => expect(peer.received.toString()).toBe('echo'));
      });
    });

    describe('back-pressure', () => {
      test('onFull is told once, onDrain once when the peer has read, and nothing is lost or doubled', async () => {
        const [peer, owned] = await pair();
        peer.stopsReading();
        const sent = await clogged(owned);
        const more = pattern(100_000);
        owned.link.send(more);
        await somethingElseArrives();
        expect(owned.events).toEqual(['full']);
        peer.readsAgain();
        await eventually(() => expect(owned.events).toEqual(['full', 'drain']));
        await eventually(() => expect(peer.received.equals(Buffer.concat([sent, more]))).toBe(true));
      });

      test('a link can be full again after it drained', async () => {
        const [peer, owned] = await pair();
        peer.stopsReading();
        await clogged(owned);
        peer.readsAgain();
        await eventually(() => expect(owned.events).toEqual(['full', 'drain']));
        peer.stopsReading();
        await clogged(owned);
        expect(owned.events).toEqual(['full']);
      });

      test('a peer that asks without reading the answers is not read for ever, and served completely once it reads', async () => {
        const [peer, owned] = await pair();
        owned.onBytes = (bytes) => owned.link.send(bytes);
        peer.stopsReading();
        const asked = pattern(24 * 1024 * 1024);
        for (let at = 0; at < asked.length; at += 1024 * 1024) peer.sends(asked.subarray(at, at + 1024 * 1024));
        let before = -1;
        while (owned.receivedBytes > before) {
          before = owned.receivedBytes;
          await somethingElseArrives();
        }
        expect(owned.receivedBytes).toBeLessThan(asked.length / 2); // the buffers of the kernel are on the way as well
        peer.readsAgain();
        await eventually(() => expect(peer.receivedBytes).toBe(asked.length));
        expect(peer.received.equals(asked)).toBe(true);
      });

      test('a paused link delivers nothing, a resumed one everything', async () => {
        const [peer, owned] = await pair();
        owned.link.pauseReading();
        peer.sends(pattern(300_000));
        await somethingElseArrives();
        expect(owned.receivedBytes).toBe(0);
        owned.link.resumeReading();
        await eventually(() => expect(owned.received.equals(pattern(300_000))).toBe(true));
      });

      test('a link paused while it is handed over delivers nothing', async () => {
        const [peer, owned] = await pairWith((link) => link.link.pauseReading());
        peer.sends(Buffer.from('too early'));
        await somethingElseArrives();
        expect(owned.receivedBytes).toBe(0);
      });
    });

    describe('the end', () => {
      test('close writes what is buffered, then ends; onClose is called once, without a cause', async () => {
        const [peer, owned] = await pair();
        owned.link.send(Buffer.from('bye'));
        owned.link.close();
        owned.link.close();
        await eventually(() => expect(peer.isEnded).toBe(true));
        expect(peer.received.toString()).toBe('bye');
        await eventually(() => expect(owned.closes).toEqual([undefined]));
      });

      test('close during an unfinished write still delivers everything', async () => {
        const [peer, owned] = await pair();
        peer.stopsReading();
        const sent = await clogged(owned);
        owned.link.send(pattern(70_000));
        owned.link.close();
        await somethingElseArrives();
        expect(owned.closes).toEqual([]);
        peer.readsAgain();
        await eventually(() => expect(peer.isEnded).toBe(true));
        expect(peer.received.equals(Buffer.concat([sent, pattern(70_000)]))).toBe(true);
        await eventually(() => expect(owned.closes).toEqual([undefined]));
        expect(owned.events).toEqual(['full']);
      });

      test('what the peer sends after close is not delivered', async () => {
        const [peer, owned] = await pair();
        owned.link.close();
        peer.sends(Buffer.from('too late'));
        await eventually(() => expect(owned.closes).toEqual([undefined]));
        expect(owned.receivedBytes).toBe(0);
      });

      test('the end of the peer closes the link, after the answers to its last bytes', async () => {
        const [peer, owned] = await pair();
        owned.onBytes = () => owned.link.send(Buffer.from('answer'));
        peer.sends(Buffer.from('question'));
        peer.ends();
        await eventually(() => expect(peer.isEnded).toBe(true));
        expect(peer.received.toString()).toBe('answer');
        await eventually(() => expect(owned.closes).toEqual([undefined]));
      });

      test('the end of the peer during an unfinished write still delivers everything', async () => {
        const [peer, owned] = await pair();
        peer.stopsReading();
        const sent = await clogged(owned);
        owned.link.send(pattern(70_000));
        peer.ends();
        await somethingElseArrives();
        peer.readsAgain();
        await eventually(() => expect(peer.isEnded).toBe(true));
        expect(peer.received.equals(Buffer.concat([sent, pattern(70_000)]))).toBe(true);
        await eventually(() => expect(owned.closes).toEqual([undefined]));
      });

      test('close does not wait for bytes that a paused link left unread', async () => {
        const [peer, owned] = await pair();
        owned.link.pauseReading();
        peer.sends(pattern(300_000));
        await somethingElseArrives();
        owned.link.send(Buffer.from('bye'));
        owned.link.close();
        await eventually(() => expect(owned.closes).toEqual([undefined]));
        await eventually(() => expect(peer.isEnded).toBe(true));
        expect(peer.received.toString()).toBe('bye');
        expect(owned.receivedBytes).toBe(0);
      });

      test('destroy ends at once, what was buffered is thrown away', async () => {
        const [peer, owned] = await pair();
        owned.link.send(Buffer.from('never'));
        owned.link.destroy();
        await eventually(() => expect(owned.closes).toEqual([undefined]));
        await eventually(() => expect(peer.isEnded).toBe(true));
        expect(peer.received.length).toBe(0);
      });

      if (resets) {
        test('a reset is a cause', async () => {
          const [peer, owned] = await pair();
          peer.resets();
          await eventually(() => expect(owned.closes).toHaveLength(1));
          expect(owned.closes[0]?.code).toBe('LINK_CLOSED');
        });
      }

      test('a reset in the middle of a write is a cause, told once', async () => {
        const [peer, owned] = await pair();
        peer.stopsReading();
        await clogged(owned);
        peer.resets();
        await eventually(() => expect(owned.closes).toHaveLength(1));
        expect(owned.closes[0]?.code).toBe('LINK_CLOSED');
        await somethingElseArrives();
        expect(owned.closes).toHaveLength(1);
        expect(owned.events).toEqual(['full']);
      });

      test('writing to a link that is gone leads nowhere', async () => {
        const [peer, owned] = await pair();
        peer.resets();
        for (let n = 0; owned.closes.length === 0; n += 1) {
          owned.link.send(pattern(1_000));
          if (n % 10 === 0) await somethingElseArrives();
        }
        for (let n = 0; n < 1_000; n += 1) {
          const out = owned.link.reserve(1_000);
          expect(out.free).toBeGreaterThanOrEqual(1_000);
          out.length += 1_000;
        }
        owned.link.pauseReading();
        owned.link.resumeReading();
        owned.link.close();
        owned.link.destroy();
        await somethingElseArrives();
        expect(owned.closes).toHaveLength(1);
      });

      test.each(['close', 'destroy'] as const)('%s from within onBytes', async (how) => {
        const [peer, owned] = await pair();
        owned.onBytes = () => owned.link[how]();
        peer.sends(Buffer.from('a'));
        await eventually(() => expect(owned.closes).toEqual([undefined]));
        await eventually(() => expect(peer.isEnded).toBe(true));
      });

      test.each(['close', 'destroy'] as const)('%s while the link is handed over', async (how) => {
        const [peer, owned] = await pairWith(({ link }) => link[how]());
        await eventually(() => expect(owned.closes).toEqual([undefined]));
        await eventually(() => expect(peer.isEnded).toBe(true));
      });

      test('a transport that is closed takes no more connections; its links stay', async () => {
        const [peer, owned] = await pair();
        await bench.transport.close();
        await expect(bench.connects()).rejects.toThrow();
        owned.onBytes = (bytes) => owned.link.send(bytes);
        peer.sends(Buffer.from('still here'));
        await eventually(() => expect(peer.received.toString()).toBe('still here'));
      });
    });
  });
}
