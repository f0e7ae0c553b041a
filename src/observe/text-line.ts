import type { LogFields } from '../model/log.ts';
import type { LogLevel } from './line.ts';

// What a terminal would obey, or show as something else than it is: controls, line separators, marks that turn the direction of writing.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const PLAIN = /^[^\s"=]+$/;

/** A line for people: `14:25:55.123 warn  bad input  peer=192.0.2.7:49152 clause=MQTT-1.5.4-1`. Time of day in UTC. */
export function textLine(time: string, level: LogLevel, event: string, fields: LogFields): string {
  const parts = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${printable(value)}`]));
  return `${[`${time.slice(11, 23)} ${level.padEnd(5)} ${event}`, ...parts].join('  ')}\n`;
}

function printable(value: string | number | boolean): string {
  const text = String(value);
  return harmless(PLAIN.test(text) ? text : JSON.stringify(text));
}

/** Text of anybody's, as a terminal may be given it. */
export function harmless(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
