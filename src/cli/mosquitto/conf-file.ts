// mosquitto.conf as lines: an option and its value each, with those of the directories it includes in their place.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../../model/errors.ts';

/** Where something stands in a file. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export interface ConfLine extends Place {
  readonly option: string;
  /** The rest of the line, without blanks around it. */
  readonly value: string;
  /** Files are read with no listener and no bridge begun; lines of one reading have the same. */
  readonly reading: number;
}

/** What the file says cannot be meant; Mosquitto would not start with it either. */
export class ConfError extends GatewayError {
  readonly place: Place;

  constructor(place: Place, message: string) {
    super('CONFIG_INVALID', message);
    this.place = place;
  }
}

const FILE_BYTES_MAX = 1_048_576;
const LINES_MAX = 100_000;
/** As Mosquitto's, so that a directory that includes itself ends. */
const INCLUDE_DEPTH_MAX = 10;

/** @throws GatewayError CONFIG_INVALID - it cannot be read. @throws ConfError */
export function readConf(file: string): readonly ConfLine[] {
  const lines: ConfLine[] = [];
  new Reading(lines).read(file, 0);
  return lines;
}

class Reading {
  readonly #lines: ConfLine[];
  #count = 0;

  constructor(lines: ConfLine[]) {
    this.#lines = lines;
  }

  read(file: string, depth: number): void {
    const reading = this.#count;
    this.#count += 1;
    for (const [place, text] of linesOf(file)) {
      const [, option = '', value = ''] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
      if (this.#lines.length >= LINES_MAX) throw new ConfError(place, `there are more than ${LINES_MAX} lines`);
      if (option === 'include_dir') this.#include({ ...place, option, value, reading }, depth + 1);
      else this.#lines.push({ ...place, option, value, reading });
    }
  }

  #include(line: ConfLine, depth: number): void {
    if (depth > INCLUDE_DEPTH_MAX) throw new ConfError(line, 'include_dir is nested too deeply');
    if (line.value === '') throw new ConfError(line, 'include_dir needs a directory');
    for (const name of namesIn(line).filter((each) => each.endsWith('.conf'))) this.read(join(line.value, name), depth);
  }
}

function namesIn(line: ConfLine): string[] {
  try {
    return readdirSync(line.value).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch (error) {
    throw new ConfError(line, `include_dir cannot be read: ${messageOf(error)}`);
  }
}

/** Those that say something, without the blanks around them. @throws GatewayError CONFIG_INVALID */
export function linesOf(file: string): [place: Place, text: string][] {
  return textOf(file)
    .split('\n')
    .map((text, index): [Place, string] => [{ file, line: index + 1 }, text.trim()])
    .filter(([, text]) => text !== '' && !text.startsWith('#'));
}

/** @throws GatewayError CONFIG_INVALID */
export function textOf(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > FILE_BYTES_MAX) throw new GatewayError('CONFIG_INVALID', `${file} has ${size} bytes, more than are read (${FILE_BYTES_MAX})`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError('CONFIG_INVALID', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
