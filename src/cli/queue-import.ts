// `postern queue import`: what is whole of a file of exported messages goes to the running gateway, which takes each message once.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { KIND } from '../carry/frame.ts';
import { framesIn } from '../carry/frame-reader.ts';
import { GatewayError } from '../model/errors.ts';
import { QUEUE_CARRIED_BYTES_PER_REQUEST, QUEUE_IMPORTED_PER_REQUEST } from '../model/limits.ts';
import { DEAD_LETTER_REALM } from '../model/queue-selection.ts';
import { harmless } from '../observe/text-line.ts';
import { type Ask, talkToGateway } from './ask-gateway.ts';
import { chunksOf } from './carried-file.ts';
import type { ConfigOptions } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import { Progress } from './progress.ts';
import type { Surroundings } from './surroundings.ts';

export interface ImportOptions extends ConfigOptions {
  readonly into?: string;
  readonly realm?: string;
  readonly publish?: boolean;
  readonly json?: boolean;
}

interface Totals {
  imported: number;
  known: number;
  expired: number;
  unmatched: number;
  /** Frames that hold no message. */
  invalid: number;
  /** Stretches of the file that cannot be read, and their bytes. */
  damages: number;
  damagedBytes: number;
  /** Frames of messages that were read. */
  messages: number;
  /** How many there should be; undefined: the end is missing. */
  expected: number | undefined;
}

type Target = Readonly<Record<string, unknown>>;

/** @returns the exit code. */
export async function importQueue(file: string, options: ImportOptions, surroundings: Surroundings): Promise<number> {
  if (options.publish === true && (options.into ?? options.realm) !== undefined) {
    surroundings.complain('postern: --publish and --into are two ways: say one\n');
    return EXIT.usage;
  }
  const path = resolve(file);
  const totals: Totals = { imported: 0, known: 0, expired: 0, unmatched: 0, invalid: 0, damages: 0, damagedBytes: 0, messages: 0, expected: undefined };
  const code = await talkToGateway(options, surroundings, async (put) => {
    const progress = new Progress(surroundings);
    const say = (): void => {
      progress.end();
      surroundings.write(options.json ? `${JSON.stringify(totals)}\n` : importText(totals));
    };
    try {
      await importedFrom(path, new Import(put, targetOf(options), totals), progress);
    } catch (error) {
      if (totals.messages > 0) say(); // what was taken so far stays
      throw error;
    }
    say();
  });
  return code === EXIT.ok && isDamaged(totals) ? EXIT.dataError : code;
}

/** Undefined: the file says. */
function targetOf({ into, realm, publish }: ImportOptions): Target | undefined {
  if (publish === true) return { isToPublish: true };
  return into === undefined ? undefined : { clientId: into, ...(realm === undefined ? {} : { realm }) };
}

async function importedFrom(path: string, to: Import, progress: Progress): Promise<void> {
  let fileBytes = 0;
  for (const found of framesIn(chunksOf(path))) {
    if (!('kind' in found)) to.skip(found.bytes);
    else if (found.kind === KIND.header) to.readHeader(found.body);
    else if (found.kind === KIND.end) to.readEnd(found.body);
    else if (found.kind === KIND.message) await to.add(found.body);
    else to.totals.invalid += 1;
    fileBytes ||= statSync(path).size;
    progress.tell(() => `${to.totals.messages} messages, ${Math.floor((100 * found.offset) / fileBytes)} % of the file`);
  }
  await to.send();
  if (fileBytes === 0 || to.isEmpty) throw new GatewayError('STORE_CORRUPT', `${path} holds no exported messages`);
}

class Import {
  readonly totals: Totals;
  readonly #put: Ask;
  #target: Target | undefined;
  #hasHeader = false;
  /** In base64. */
  #waiting: string[] = [];
  #waitingBytes = 0;

  constructor(put: Ask, target: Target | undefined, totals: Totals) {
    this.#put = put;
    this.#target = target;
    this.totals = totals;
  }

  /** Nothing of a file of exported messages was found. */
  get isEmpty(): boolean {
    return !this.#hasHeader && this.totals.messages === 0 && this.totals.expected === undefined;
  }

  readHeader(body: Buffer): void {
    this.#hasHeader = true;
    const { clientId, realm } = factsIn(body);
    this.#target ??= { clientId, ...(realm === undefined || realm === DEAD_LETTER_REALM ? {} : { realm }) };
  }

  readEnd(body: Buffer): void {
    this.totals.expected = Number(factsIn(body)['messages']);
  }

  skip(bytes: number): void {
    this.totals.damages += 1;
    this.totals.damagedBytes += bytes;
  }

  async add(body: Buffer): Promise<void> {
    this.totals.messages += 1;
    if (this.#waiting.length > 0 && this.#waitingBytes + body.length > QUEUE_CARRIED_BYTES_PER_REQUEST) await this.send();
    this.#waiting.push(body.toString('base64'));
    this.#waitingBytes += body.length;
    if (this.#waiting.length === QUEUE_IMPORTED_PER_REQUEST) await this.send();
  }

  /** @throws GatewayError - not all of them were taken. */
  async send(): Promise<void> {
    if (this.#waiting.length === 0) return;
    if (this.#target === undefined)
      throw new GatewayError('STORE_CORRUPT', 'its beginning, which says whose messages they are, is damaged: say --into or --publish');
    const messages = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const answer = Object(await this.#put({ command: 'queue.import', ...this.#target, messages }));
    for (const name of ['imported', 'known', 'expired', 'unmatched', 'invalid'] as const) this.totals[name] += Number(answer[name]);
    if (answer.full !== undefined)
      throw new GatewayError('CONTROL_UNAVAILABLE', `no room for the rest: ${answer.full}; import the file again later, which goes on from here`);
  }
}

/** What the first and last frame say; nothing, where they are not what this version writes. */
function factsIn(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(body.toString()));
  } catch {
    return {};
  }
}

function isDamaged({ damages, invalid, messages, expected }: Totals): boolean {
  return damages + invalid > 0 || messages !== expected;
}

function importText(totals: Totals): string {
  const { imported, known, expired, unmatched, damages, damagedBytes, invalid, messages, expected } = totals;
  const missing = expected === undefined ? 0 : expected - messages;
  const lines = [
    `${imported + unmatched} messages imported`,
    ...(unmatched === 0 ? [] : [`${unmatched} of them were published to topics nobody subscribes to`]),
    ...(known === 0 ? [] : [`${known} had been imported before`]),
    ...(expired === 0 ? [] : [`${expired} have expired`]),
    ...(damages === 0 ? [] : [`damaged: ${damagedBytes} bytes in ${damages} places`]),
    ...(invalid === 0 ? [] : [`${invalid} hold no message of this version`]),
    ...(expected === undefined ? ['not read to its end: it is cut off, or there was no room'] : []),
    ...(missing === 0 ? [] : [`${missing} messages are missing`]),
  ];
  return lines.map((line) => `${harmless(line)}\n`).join('');
}
