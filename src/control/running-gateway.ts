// What the process knows of the gateway it runs: the composition root implements this, commands and signals use it.
import type { Config } from '../config/config.ts';
import type { BackupProgress, FileToKeep } from '../model/backup.ts';
import type { Clock, MachineTime } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { QueueName, Selection } from '../model/queue-selection.ts';

export interface StartOptions {
  readonly config: Config;
  readonly clock: Clock;
  /** Undefined where the machine does not tell. */
  readonly machine?: MachineTime | undefined;
  readonly log: Log;
  readonly version: string;
}

/**
 * Opens the store, then the listeners, and resolves once peers can connect. When it rejects, everything it had opened is closed again.
 *
 * @throws GatewayError - its message is one sentence that says what to do.
 */
export type StartGateway = (options: StartOptions) => Promise<RunningGateway>;

export interface RunningGateway {
  /** Every listener as it is bound: `mqtt.tcp`, `127.0.0.1:1883`. */
  readonly addresses: readonly ListenerAddress[];
  /** What `postern status` shows: texts, numbers, booleans, and lists and records of them. Cheap; never touches the disk. */
  status(): Record<string, unknown>;
  /** False when no message has become durable since it was last asked though some wait to; the watchdog then restarts the process. */
  isHealthy(): boolean;
  /** Takes over what can change while running. Keys of `log` and `control` are the process's own and are left to it. */
  reload(next: Config): ReloadOutcome;
  readonly bans: BanBook;
  readonly backups: BackupDesk;
  readonly bridges: BridgeDesk;
  /** What `postern queues` shows. @param clientId - only those of that client, also empty ones. */
  queues(clientId: string | undefined): QueueListing;
  readonly queueBook: QueueBook;
  /** Says goodbye to peers, waits for the last commit and closes the store. */
  stop(): Promise<void>;
}

export interface BackupRequest {
  /** Undefined: into the data directory, for who asked to move it away. */
  readonly target?: string | undefined;
  readonly files: readonly FileToKeep[];
  readonly withSecrets: boolean;
}

/** Where backups of the running gateway are asked for. */
export interface BackupDesk {
  /** Begins one; it is of a moment after this call. @throws GatewayError LIMIT_EXCEEDED - another is being made. */
  start(request: BackupRequest): void;
  /** Of the one that was begun last. */
  progress(): BackupProgress;
  /** Resolves once none is being made, or after `withinMs`. */
  finished(withinMs: number): Promise<void>;
}

/** One address of a bridge that was tried. */
export interface BridgeTrial {
  readonly address: string;
  /** What went well, in order: resolve, tcp, tls, websocket, mqtt. */
  readonly passed: readonly string[];
  /** Absent when all went well, as `reason`. */
  readonly failure?: string;
  readonly reason?: string;
}

/** The bridges, by hand. All but `status` throw GatewayError NOT_FOUND, CONFIG_INVALID. */
export interface BridgeDesk {
  status(): readonly object[];
  /** Connects it now, and undoes `rest`. */
  call(name: string): void;
  /** Disconnects it until `call`, a change of its configuration or a restart; its queue goes on collecting. */
  rest(name: string): void;
  /** Resolves within BRIDGE_TEST_TIMEOUT_MS. */
  test(name: string): Promise<readonly BridgeTrial[]>;
}

/** The queue of one session, or of a shared group: its realm is `$share`, its client id the filter, and it is connected when it has members. */
export interface ListedQueue {
  readonly realm: string;
  readonly clientId: string;
  readonly isConnected: boolean;
  readonly messages: number;
  readonly bytes: number;
  readonly messagesInMemory: number;
  readonly inflight: number;
  /** By cause, since the gateway started. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface QueueListing {
  /** Those that dropped most first. */
  readonly queues: readonly ListedQueue[];
  /** How many more there are. */
  readonly further: number;
}

/** The entries of stored queues. Each answer is a piece of bounded work; `next` is what the next request takes as `after`, undefined at the end. */
export interface QueueBook {
  /** @throws GatewayError NOT_FOUND. */
  peek(queue: QueueName, selection: Selection, limit: number): { readonly entries: readonly object[]; readonly next: number | undefined };
  /** @throws GatewayError NOT_FOUND. */
  purge(queue: QueueName, selection: Selection): { readonly purged: number; readonly inFlight: number; readonly next: number | undefined };
  /** Dead letters of that client; the next request takes `upTo` as well. @throws GatewayError NOT_FOUND, LIMIT_EXCEEDED. */
  replay(clientId: string, selection: Selection): { readonly replayed: number; readonly next: number | undefined; readonly upTo: number };
  /** Each message as a file of exported ones holds it; the next request takes `upTo` as well. @throws GatewayError NOT_FOUND. */
  export(queue: QueueName, selection: Selection, options: { readonly isToRemove: boolean }): Promise<ExportedEntries>;
  /** Lets go of messages that were exported, of those that still wait. @throws GatewayError NOT_FOUND. */
  removeExported(queue: QueueName, era: string, sequences: readonly number[]): { readonly removed: number };
  /**
   * Puts messages into a queue, or publishes them, each once however often it is brought.
   *
   * @throws GatewayError NOT_FOUND.
   */
  import(target: QueueName | 'topics', messages: readonly Buffer[]): Promise<ImportedEntries>;
}

export interface ExportedEntries {
  readonly messages: readonly Buffer[];
  readonly next: number | undefined;
  readonly upTo: number;
  /** Left out: under way to the client, where they are to be removed; and larger than a file takes. */
  readonly inFlight: number;
  readonly tooLarge: number;
  /** In the queue, now. */
  readonly queued: number;
}

export interface ImportedEntries {
  readonly imported: number;
  /** Were imported before. */
  readonly known: number;
  readonly expired: number;
  /** Published, and nobody had subscribed. */
  readonly unmatched: number;
  /** Are no messages. */
  readonly invalid: number;
  /** What had no room for the message behind these, in words; undefined: all were taken. */
  readonly full: string | undefined;
}

export const BANNED_KINDS = ['client', 'user', 'address'] as const;
export type BannedKind = (typeof BANNED_KINDS)[number];

/** Whom the gateway does not let in, whatever they can prove. */
export interface Ban {
  readonly kind: BannedKind;
  /** A client id, a user name, or an address or range of them. */
  readonly value: string;
  /** What is left of it; `Infinity`: until it is removed. */
  readonly seconds: number;
  /** For people. */
  readonly reason: string;
}

/** The bans in force; they survive a restart. */
export interface BanBook {
  list(): readonly Ban[];
  /**
   * Adds one, or gives one that exists a new end and reason, and ends the links it is about.
   *
   * @returns how many links there were.
   * @throws GatewayError LIMIT_EXCEEDED, CONFIG_INVALID - an address that is none.
   */
  add(ban: Ban): number;
  /** @returns whether there was one. */
  remove(kind: BannedKind, value: string): boolean;
}

export interface ListenerAddress {
  readonly name: string;
  readonly address: string;
}

/** Names of configuration keys. */
export interface ReloadOutcome {
  readonly applied: readonly string[];
  readonly needsRestart: readonly string[];
}
