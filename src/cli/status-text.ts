// A status for people: whatever the gateway reports, as an indented table.
import { harmless } from '../observe/text-line.ts';

const UNITS: readonly (readonly [suffix: string, format: (value: number) => string])[] = [
  ['Seconds', duration],
  ['Bytes', size],
];

/** @param status - records, lists and scalars, as they came from the control socket. */
export function statusText(status: unknown): string {
  return lines(status, '').join('');
}

function lines(value: unknown, indent: string): string[] {
  const entries = Object.entries(value ?? {});
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.flatMap(([name, child]) => {
    if (Array.isArray(child))
      return child.length === 0 ? [row(name, 'none', indent, width)] : [`${indent}${name}\n`, ...child.flatMap((item) => itemLines(item, `${indent}  `))];
    if (typeof child === 'object' && child !== null) return [`${indent}${name}\n`, ...lines(child, `${indent}  `)];
    return [row(name, scalar(name, child), indent, width)];
  });
}

/** A record of scalars in a list takes one line. */
function itemLines(item: unknown, indent: string): string[] {
  if (typeof item !== 'object' || item === null) return [`${indent}${String(item)}\n`];
  return [
    `${indent}${Object.entries(item)
      .map(([name, value]) => `${name} ${scalar(name, value)}`)
      .join(', ')}\n`,
  ];
}

function row(name: string, text: string, indent: string, width: number): string {
  return `${indent}${name.padEnd(width)}  ${text}\n`;
}

function scalar(name: string, value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  const [, format] = UNITS.find(([suffix]) => name.endsWith(suffix)) ?? [];
  return typeof value === 'number' && format !== undefined ? format(value) : harmless(String(value)); // remotes have their words in it
}

/** @returns the two largest units: `3 d 4 h`, `12 min 5 s`. */
export function duration(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const;
  let rest = Math.floor(seconds);
  const parts = units.flatMap(([unit, length]) => {
    const count = Math.floor(rest / length);
    rest %= length;
    return count > 0 ? [`${count} ${unit}`] : [];
  });
  return parts.length === 0 ? '0 s' : parts.slice(0, 2).join(' ');
}

export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1_024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
