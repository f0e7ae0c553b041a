// Lockstep bench for STOMP: the real gateway on the real core, a client that is a script, a clock moved by hand. Frames are written as they are on the wire,
// with `^@` for NUL.
import { expect } from 'vitest';
import { createStompGateway, STOMP_DEFAULTS, type StompSettings } from '../../gateways/stomp/index.ts';
import type { BrokerSettings } from '../../src/broker/broker.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { Turns } from '../../src/model/turns.ts';
import { TurnWriter } from '../../src/transport/turn-writer.ts';
import { startCore, type TestCore } from './core.ts';
import { FakeClock, settled } from './fake-clock.ts';
import { type MemoryPeer, MemoryTransport } from './memory-link.ts';
import { MemoryStore } from './memory-store.ts';
import { RecordingLog } from './recording-log.ts';
import { requestOf, TestClient } from './test-client.ts';

export interface StompBenchOptions {
  readonly settings?: Partial<StompSettings>;
  readonly broker?: Partial<BrokerSettings>;
  /** False: nothing is durable until the test says `store.commit()`. */
  readonly autoCommit?: boolean;
}

export class StompBench {
  readonly log = new RecordingLog();
  readonly #options: StompBenchOptions;
  clock = new FakeClock();
  core: TestCore;
  gateway: Gateway;
  #transport: MemoryTransport;

  private constructor(options: StompBenchOptions) {
    this.#options = options;
    [this.core, this.gateway, this.#transport] = this.#boot(new MemoryStore({ clock: this.clock, autoCommit: options.autoCommit ?? true }));
  }

  static async start(options: StompBenchOptions = {}): Promise<StompBench> {
    const bench = new StompBench(options);
    await bench.#start();
    return bench;
  }

  /** A link on which nothing was sent yet. */
  peer(): StompPeer {
    return new StompPeer(this.#transport.connect());
  }

  /** A client that has connected. @param headers - lines beside `accept-version`. */
  async connected(headers = '', version = '1.2'): Promise<StompPeer> {
    const peer = this.peer();
    peer.sends(`CONNECT\n${version === '1.0' ? '' : `accept-version:${version}\nhost:local\n`}${headers}\n^@`);
    expect(await peer.receives()).toMatch(/^CONNECTED\n/u);
    return peer;
  }

  async application(id = 'application'): Promise<TestClient> {
    const client = new TestClient(this.core.context('mqtt'));
    await client.connect(requestOf(id));
    return client;
  }

  metric(name: string): number {
    return this.core.metric(name);
  }

  /** The process dies; what was stored is found by the next boot. */
  async kill(): Promise<void> {
    await quiet();
    this.clock = new FakeClock({ gatewayOffsetMs: 0 });
    [this.core, this.gateway, this.#transport] = this.#boot(this.core.store.reopened({ wasClean: false }));
    await this.#start();
  }

  async #start(): Promise<void> {
    await this.gateway.start({ ...this.core.context('stomp'), log: this.log });
  }

  #boot(store: MemoryStore): [TestCore, Gateway, MemoryTransport] {
    const { settings, broker } = this.#options;
    const core = startCore({ clock: this.clock, store, turns: new Turns(new TurnWriter()), ...(broker === undefined ? {} : { settings: broker }) });
    const transport = new MemoryTransport('stomp.tcp');
    return [core, createStompGateway({ ...STOMP_DEFAULTS, ...settings }, [transport]), transport];
  }
}

/** Everything said so far has been answered, with the commits that took. */
export async function quiet(): Promise<void> {
  for (let commits = 0; commits < 4; commits += 1) await settled();
}

export class StompPeer {
  readonly link: MemoryPeer;
  #bytesRead = 0;

  constructor(link: MemoryPeer) {
    this.link = link;
  }

  sends(...frames: readonly string[]): this {
    this.link.sends(Buffer.from(frames.join('').replaceAll('^@', '\0'), 'latin1'));
    return this;
  }

  /** What came since the last time. */
  async receives(): Promise<string> {
    await quiet();
    const { received } = this.link;
    const fresh = received.subarray(this.#bytesRead).toString('latin1').replaceAll('\0', '^@');
    this.#bytesRead = received.length;
    return fresh;
  }

  /** Compares all that came since the last time. */
  async expects(...frames: readonly string[]): Promise<void> {
    expect(await this.receives()).toBe(frames.join(''));
  }

  async expectsNothing(): Promise<void> {
    await this.expects();
  }

  /** An ERROR whose message is about this came last, and the gateway has closed the link behind it. */
  async expectsError(about: string): Promise<string> {
    const text = await this.receives();
    const last =
      text
        .split('^@')
        .filter((frame) => frame !== '')
        .at(-1) ?? '';
    expect(last).toMatch(/^ERROR\n/u);
    expect(/^message:(.*)$/mu.exec(last)?.[1]).toContain(about);
    expect(this.link.isEnded).toBe(true);
    return last;
  }

  async breaks(): Promise<void> {
    this.link.resets();
    await quiet();
  }
}
