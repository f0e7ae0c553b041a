// What every scenario is given, and what it gives back.
import type { Schedule } from './arguments.ts';
import type { Verdict } from './floors.ts';
import type { Generator } from './generator.ts';
import type { Sides } from './pairs.ts';
import type { Place, Subject } from './server.ts';
import type { BridgedTopics } from './subjects.ts';

export interface Bench {
  readonly schedule: Schedule;
  readonly subject: Subject;
  readonly peer: Subject;
  /** Mosquitto that keeps what is queued, at its defaults. */
  readonly persistentPeer: Subject;
  /** The other broker on Node.js. */
  readonly aedes: Subject;
  /** Ours and Mosquitto with bridges, both keeping what is queued. */
  bridging(bridges: readonly BridgedTopics[]): Sides<Subject>;
  /** Ours and Mosquitto behind TLS. */
  readonly tls: { readonly subject: Subject; readonly peer: Subject };
  readonly generator: Generator;
  readonly serverCore: number;
  readonly loadCore: number;
  /** The library that slows flushes when it is preloaded. */
  readonly slowFsync: string;
  /** The library that measures turns when it is preloaded. */
  readonly turnTimes: string;
  /** An unused port and an empty directory on the disk under test. */
  freshPlace(): Promise<Place>;
  /** One line of progress for whoever waits. */
  say(progress: string): void;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
}

/** A line of `table`. */
export interface Line {
  readonly table: Table;
  readonly cells: readonly string[];
  /** undefined: this line has no floor. */
  readonly verdict: Verdict | undefined;
}

export interface Scenario {
  /** As `--only` names it. */
  readonly name: string;
  run(bench: Bench): Promise<Line[]>;
}
