import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StoreLimits } from '../../../src/store/sqlite/store-limits.ts';
import type { Fault } from './faults.ts';

/** Where commits run: in the turn of the message, or in a thread of their own. */
export const COMMITTERS = ['inline', 'worker'] as const;
export type CommitterName = (typeof COMMITTERS)[number];

export interface ChildOrders {
  readonly directory: string;
  readonly seed: number;
  /** First operation to perform; the store is as it was before it. */
  readonly from: number;
  /** Performs operations below this, then closes the store and ends. */
  readonly to: number;
  readonly fault?: Fault | undefined;
  readonly committer: CommitterName;
  readonly limits?: Partial<StoreLimits> | undefined;
  /** Log of what the disk was given: acknowledgements are told with its size at that moment. */
  readonly diskLog?: string | undefined;
}

/** What the child has said so far. */
export interface Heard {
  issued: number;
  /** Greatest operation acknowledged. */
  acknowledged: number;
  acknowledgements: number;
  /** Acknowledgements that overtook others. */
  late: number;
  /** Segments that compaction has rewritten. */
  compacted: number;
  /** Least time between begin and acknowledgement of an operation that wrote something, ms. */
  soonestMs: number;
  /** Per acknowledgement, in their order: the size of the disk's log when it was given. */
  readonly marks: { readonly acknowledged: number; readonly logBytes: number }[];
}

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));

/** The child process and what is heard of it. */
export class StoreProcess {
  readonly heard: Heard;
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #issuedMs: { readonly upTo: number; readonly atMs: number }[] = [];
  readonly #wrote = new Set<number>();
  #onLine: (() => void) | undefined;

  /** @param complaints - what becomes of what it says on stderr. */
  constructor(orders: ChildOrders, environment: Readonly<Record<string, string>> = {}, complaints: 'inherit' | 'ignore' = 'inherit') {
    this.heard = {
      issued: orders.from - 1,
      acknowledged: orders.from - 1,
      acknowledgements: 0,
      late: 0,
      compacted: 0,
      soonestMs: Number.POSITIVE_INFINITY,
      marks: [],
    };
    this.#child = spawn(process.execPath, [CHILD, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', complaints], env: { ...process.env, ...environment } });
    const lines = createInterface({ input: this.#child.stdout ?? process.stdin });
    lines.on('line', (line) => {
      this.#hear(line);
      this.#onLine?.();
    });
    this.ended = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)));
  }

  /** Resolves once `isSo`, or when the child ended. */
  async until(isSo: (heard: Heard) => boolean): Promise<void> {
    await Promise.race([
      this.ended,
      new Promise<void>((resolve) => {
        this.#onLine = () => isSo(this.heard) && resolve();
      }),
    ]);
    this.#onLine = undefined;
  }

  /** SIGKILL. What the child had said before is heard when this resolves. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  #hear(line: string): void {
    const [word, number, at, logBytes] = line.split(' ');
    const { heard } = this;
    if (word === 'issued') {
      heard.issued = Number(number);
      this.#issuedMs.push({ upTo: Number(number), atMs: Number(at) });
    } else if (word === 'wrote') {
      this.#wrote.add(Number(number));
    } else if (word === 'compacted') {
      heard.compacted = Number(number);
    } else if (word === 'late') {
      heard.late += 1;
    } else if (word === 'acked') {
      heard.acknowledged = Math.max(heard.acknowledged, Number(number));
      heard.acknowledgements += 1;
      heard.marks.push({ acknowledged: heard.acknowledged, logBytes: Number(logBytes) });
      this.#time(Number(number), Number(at));
    }
  }

  #time(number: number, atMs: number): void {
    while ((this.#issuedMs[0]?.upTo ?? number) < number) this.#issuedMs.shift();
    const issued = this.#issuedMs[0];
    if (issued !== undefined && this.#wrote.delete(number)) this.heard.soonestMs = Math.min(this.heard.soonestMs, atMs - issued.atMs);
  }
}
