// The bridges of the configuration, while it changes: what is new begins, what is gone ends, what differs begins anew, and the others never notice. A
// bridge's queue is its session's and outlives all of that.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Bridge, BridgeStatus } from '../bridge/bridge.ts';
import type { TrialReport } from '../bridge/link-state.ts';
import type { BridgeConfig } from '../config/config.ts';
import type { BridgeDesk } from '../control/running-gateway.ts';
import type { GatewayContext } from '../gateway/gateway.ts';
import { GatewayError } from '../model/errors.ts';
import type { BridgeCredentials } from './bridge-factory.ts';
import { type BridgeParts, createBridge, credentialsOf } from './bridge-factory.ts';

export interface BridgeFleetParts extends BridgeParts {
  contextFor(name: string): GatewayContext;
  /** The queues of bridges that are gone collect nothing more. @param names - those that are there. */
  retireAllBut(names: ReadonlySet<string>): void;
  /** Of that bridge: what `postern status` says of its queue. */
  waitingFor(name: string): Waiting;
}

interface Waiting {
  readonly queuedMessages: number;
  readonly deadLetters: number;
}

interface Member {
  readonly bridge: Bridge;
  readonly config: BridgeConfig;
  readonly credentials: BridgeCredentials;
  /** Of the contents of the files it names, but for its password. */
  readonly filesDigest: string;
  /** Why it does not run, though it is configured: its queue goes on collecting, and the next reload tries again. */
  fault?: string;
}

/** From its goodbye until a link that is still open is broken. */
const STOP_TIMEOUT_MS = 5_000;

export class BridgeFleet implements BridgeDesk {
  readonly #parts: BridgeFleetParts;
  readonly #members = new Map<string, Member>();
  /** Changes run one behind the other. */
  #last: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(parts: BridgeFleetParts) {
    this.#parts = parts;
  }

  /** @throws GatewayError CONFIG_INVALID - a file of one cannot be used, or its topics. */
  async start(configs: readonly BridgeConfig[]): Promise<void> {
    const made = await Promise.all(configs.map((config) => this.#make(config)));
    this.#parts.retireAllBut(new Set(made.map(({ bridge }) => bridge.name)));
    for (const member of made) await this.#begin(member);
  }

  /** In the background, in the order of the calls; what fails is logged, and leaves that bridge as it was. */
  reload(configs: readonly BridgeConfig[]): void {
    this.#last = this.#last.then(() => this.#change(configs));
  }

  status(): readonly (BridgeStatus & Waiting)[] {
    return [...this.#members.values()].map((member) => ({ ...statusOf(member), ...this.#parts.waitingFor(member.config.name) }));
  }

  call(name: string): void {
    this.#started(name).call();
  }

  rest(name: string): void {
    this.#started(name).rest();
  }

  test(name: string): Promise<readonly TrialReport[]> {
    return this.#started(name).test();
  }

  /** Resolves when changes under way are through. */
  get settled(): Promise<void> {
    return this.#last;
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#isStopped = true;
    await this.#last;
    await Promise.all([...this.#members.values()].map(({ bridge }) => bridge.stop(signal)));
    this.#members.clear();
  }

  async #change(configs: readonly BridgeConfig[]): Promise<void> {
    const wanted = new Set(configs.map(({ name }) => name));
    for (const [name, { bridge }] of [...this.#members]) {
      if (wanted.has(name) || this.#isStopped) continue;
      this.#members.delete(name);
      await this.#end(bridge);
      this.#parts.log.info('bridge removed', { bridge: name });
    }
    for (const config of configs) if (!this.#isStopped) await this.#update(config);
    this.#parts.retireAllBut(new Set([...this.#members.values()].map(({ bridge }) => bridge.name)));
  }

  async #update(config: BridgeConfig): Promise<void> {
    const before = this.#members.get(config.name);
    try {
      if (before !== undefined && isUnchanged(before, config)) return;
      const next = await this.#make(config, before);
      if (before !== undefined) await this.#end(before.bridge);
      await this.#beginOrKeep(next);
      this.#parts.log.info(before === undefined ? 'bridge added' : 'bridge changed', { bridge: config.name });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#parts.log.error('bridge could not be changed', { bridge: config.name, reason: error.message });
    }
  }

  async #make(config: BridgeConfig, before?: Member): Promise<Member> {
    const credentials = credentialsOf(config);
    const former = before === undefined || isDeepStrictEqual(before.credentials, credentials) ? undefined : before.credentials;
    const queued = (): number => this.#parts.waitingFor(config.name).queuedMessages;
    const bridge = await createBridge(config, this.#parts, { credentials, former, queued });
    return { bridge, config, credentials, filesDigest: digestOfFiles(config) };
  }

  async #begin(member: Member): Promise<void> {
    this.#members.set(member.config.name, member);
    await member.bridge.start(this.#parts.contextFor(member.bridge.name));
  }

  /** @throws as `#begin`; what cannot run is kept with the reason: its queue must not be taken for one that nobody wants any more. */
  async #beginOrKeep(member: Member): Promise<void> {
    try {
      await this.#begin(member);
    } catch (error) {
      if (error instanceof GatewayError) member.fault = error.message;
      await this.#end(member.bridge);
      throw error;
    }
  }

  /** @throws GatewayError NOT_FOUND; CONFIG_INVALID - it could not be started. */
  #started(name: string): Bridge {
    const member = this.#members.get(name);
    if (member === undefined) throw new GatewayError('NOT_FOUND', `there is no bridge ${name}: see postern bridge list`);
    if (member.fault !== undefined) throw new GatewayError('CONFIG_INVALID', member.fault);
    return member.bridge;
  }

  async #end(bridge: Bridge): Promise<void> {
    const timeout = new AbortController();
    const cancel = this.#parts.clock.after(STOP_TIMEOUT_MS, () => timeout.abort());
    await bridge.stop(timeout.signal);
    cancel();
  }
}

function statusOf({ bridge, fault }: Member): BridgeStatus {
  const status = bridge.status();
  return fault === undefined ? status : { ...status, state: 'unusable', lastFailure: 'unusable', reason: fault };
}

function isUnchanged({ config, credentials, filesDigest, fault }: Member, next: BridgeConfig): boolean {
  return fault === undefined && isDeepStrictEqual(config, next) && isDeepStrictEqual(credentials, credentialsOf(next)) && filesDigest === digestOfFiles(next);
}

/** @throws GatewayError CONFIG_INVALID - one cannot be read. */
function digestOfFiles({ name, tls: { caFile, certFile, keyFile, pskFile } }: BridgeConfig): string {
  const hash = createHash('sha256');
  for (const file of [caFile, certFile, keyFile, pskFile]) {
    if (file !== undefined) hash.update(contentOf(name, file));
    hash.update('\0');
  }
  return hash.digest('hex');
}

function contentOf(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new GatewayError('CONFIG_INVALID', `cannot read ${file} of bridge ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
