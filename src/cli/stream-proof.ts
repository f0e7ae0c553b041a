// Whether a recorded stream is complete, from what it holds itself. Messages of each boot have numbers from 1 on; where a boot ended is told at the next start,
// and each boot names the one before it. A number that did not arrive is a gap; a gap is explained by reports that cover it and count as many losses.
import { type NumberRange, NumberRanges } from '../model/number-ranges.ts';
import type { EndRecord, LossRecord, StampedRecord, StreamRecord } from './stream-record.ts';

/** Whose numbers are looked at: those of the bridge prove everything; those of each publisher, what a recording of some of them holds. */
export type ProvenBy = 'bridge' | 'device';

export interface StreamVerdict {
  readonly bridge: string;
  readonly messages: number;
  readonly duplicates: number;
  /** Messages that did not arrive and that reports speak for, by cause. */
  readonly explained: Readonly<Record<string, number>>;
  /** A sentence each; none: it is complete. */
  readonly problems: readonly string[];
  /** The last number that is proven: of the newest boot nobody knows yet where it ends. */
  readonly upTo: { readonly boot: number; readonly seq: number };
}

interface Count {
  readonly arrived: NumberRanges;
  readonly losses: LossRecord[];
}

interface Boot extends Count {
  ended: EndRecord | undefined;
  after: number | undefined;
  readonly devices: Map<string, Count>;
}

/** A report while gaps are explained. */
interface Account extends NumberRange {
  left: number;
  readonly cause: string;
}

export class StreamProof {
  readonly #streams = new Map<string, Stream>();

  add(record: StreamRecord): void {
    let stream = this.#streams.get(record.bridge);
    if (stream === undefined) {
      stream = new Stream(record.bridge);
      this.#streams.set(record.bridge, stream);
    }
    stream.add(record);
  }

  /** @param isWhole - the recording holds everything from the first message on: otherwise what comes before it is nobody's business. */
  verdicts(by: ProvenBy, isWhole: boolean): StreamVerdict[] {
    return [...this.#streams.values()].map((stream) => stream.verdict(by, isWhole));
  }
}

class Stream {
  readonly #bridge: string;
  readonly #boots = new Map<number, Boot>();
  #messages = 0;
  #duplicates = 0;

  constructor(bridge: string) {
    this.#bridge = bridge;
  }

  add(record: StreamRecord): void {
    const boot = this.#boot(record.boot);
    if (record.kind === 'message') this.#arrived(boot, record);
    else if (record.kind === 'ended') {
      boot.ended = record;
      boot.after = record.after;
    } else {
      boot.after ??= record.after;
      boot.losses.push(record);
      if (record.device !== undefined) deviceOf(boot, record.device).losses.push(record);
    }
  }

  verdict(by: ProvenBy, isWhole: boolean): StreamVerdict {
    const numbers = [...this.#boots.keys()].sort((a, b) => a - b);
    const explained: Record<string, number> = {};
    const links = numbers.map((number, index): Link => {
      const boot = this.#boot(number);
      return { number, boot, before: numbers[index - 1], isWhole, isNewest: index === numbers.length - 1 };
    });
    const problemsOf = by === 'bridge' ? bridgeProblems : deviceProblems;
    const problems = links.flatMap((link) => [...problemsOf(link, explained)]);
    const newest = links.at(-1);
    const upTo = { boot: newest?.number ?? 0, seq: newest === undefined ? 0 : lastOf(newest.boot) };
    return { bridge: this.#bridge, messages: this.#messages, duplicates: this.#duplicates, explained, problems, upTo };
  }

  #arrived(boot: Boot, { seq, after, device, deviceSeq }: StampedRecord): void {
    boot.after ??= after;
    if (deviceSeq !== undefined) deviceOf(boot, device).arrived.add(deviceSeq);
    if (boot.arrived.add(seq)) this.#messages += 1;
    else this.#duplicates += 1;
  }

  #boot(number: number): Boot {
    let boot = this.#boots.get(number);
    if (boot === undefined) {
      boot = { arrived: new NumberRanges(), losses: [], devices: new Map(), ended: undefined, after: undefined };
      this.#boots.set(number, boot);
    }
    return boot;
  }
}

function deviceOf({ devices }: Boot, name: string): Count {
  let device = devices.get(name);
  if (device === undefined) {
    device = { arrived: new NumberRanges(), losses: [] };
    devices.set(name, device);
  }
  return device;
}

interface Link {
  readonly number: number;
  readonly boot: Boot;
  /** The one before it in the recording. */
  readonly before: number | undefined;
  readonly isWhole: boolean;
  readonly isNewest: boolean;
}

/** The greatest number of a boot that anything speaks of. It may be beyond where the boot ended by its own word: a message can arrive before its commit. */
function lastOf({ ended, arrived, losses }: Boot): number {
  return Math.max(ended?.last ?? 0, arrived.last ?? 0, ...losses.map(({ bridgeLast }) => bridgeLast ?? 0));
}

function* bridgeProblems(link: Link, explained: Record<string, number>): Generator<string> {
  const { number, boot } = link;
  yield* chainProblems(link);
  const last = lastOf(boot);
  for (const gap of gaps(boot, { first: firstOf(link, boot, last + 1), last }, bridgeRange, explained)) yield `boot ${number}: ${gap}`;
}

function* deviceProblems(link: Link, explained: Record<string, number>): Generator<string> {
  for (const [device, count] of link.boot.devices) {
    const last = count.arrived.last ?? 0;
    const within = { first: firstOf(link, count, last + 1), last };
    for (const gap of gaps(count, within, deviceRange, explained)) yield `${device}, boot ${link.number}: ${gap}`;
  }
}

/** Where the recording has to begin. */
function firstOf({ before, isWhole }: Link, { arrived }: Count, otherwise: number): number {
  return before === undefined && !isWhole ? (arrived.first ?? otherwise) : 1;
}

/** Whether there are other boots around it, and where it ended. */
function* chainProblems({ number, boot, before, isWhole, isNewest }: Link): Generator<string> {
  const { after, ended } = boot;
  if (before === undefined && isWhole && after !== 0)
    yield `boot ${number}: it is not the first: nothing of ${after ? `boot ${after}` : 'what came before'} is here`;
  if (before !== undefined && after !== undefined && after !== before) yield `boot ${after}: nothing of it is here, not even where it ended`;
  if (!isNewest && ended === undefined) yield `boot ${number}: nothing says where it ended`;
}

/** A sentence for each part of `within` that neither arrived nor is reported. */
function gaps(
  { arrived, losses }: Count,
  within: NumberRange,
  rangeOf: (loss: LossRecord) => NumberRange | undefined,
  explained: Record<string, number>,
): string[] {
  const accounts = losses
    .flatMap((loss): Account[] => {
      const range = rangeOf(loss);
      return range === undefined ? [] : [{ ...range, left: loss.count, cause: loss.cause }];
    })
    .sort((a, b) => a.last - b.last);
  const found: string[] = [];
  for (const hole of arrived.holes(within)) {
    for (const { first, last } of unexplained(hole, accounts, explained)) {
      found.push(first === last ? `${first} is missing, and no report speaks of it` : `${first} to ${last} are missing, and no report speaks of them`);
    }
  }
  return found;
}

/** Takes each number from the report that ends first among those that cover it: whoever can be explained is. */
function* unexplained(hole: NumberRange, accounts: readonly Account[], explained: Record<string, number>): Generator<NumberRange> {
  let { first } = hole;
  while (first <= hole.last) {
    const open = accounts.filter(({ left }) => left > 0);
    const account = open.find((each) => each.first <= first && each.last >= first);
    if (account !== undefined) {
      const count = Math.min(account.left, account.last - first + 1, hole.last - first + 1);
      const sooner = open.filter((each) => each.first > first && each.last < account.last).map((each) => each.first - first); // ends before it: has its turn
      const taken = Math.min(count, ...sooner);
      account.left -= taken;
      explained[account.cause] = (explained[account.cause] ?? 0) + taken;
      first += taken;
    } else {
      const next = Math.min(hole.last + 1, ...open.map((each) => each.first).filter((at) => at > first));
      yield { first, last: next - 1 };
      first = next;
    }
  }
}

/** Of a report that names no range any number of its boot may be meant. */
function bridgeRange({ bridgeFirst = 1, bridgeLast = Number.MAX_SAFE_INTEGER }: LossRecord): NumberRange {
  return { first: bridgeFirst, last: bridgeLast };
}

function deviceRange({ first, last }: LossRecord): NumberRange | undefined {
  return first === undefined || last === undefined ? undefined : { first, last };
}
