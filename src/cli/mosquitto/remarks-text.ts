import type { Remark } from './rows.ts';

const KINDS: Readonly<Record<Remark['kind'], string>> = { missing: 'no equivalent', differs: 'differs', needless: 'not needed' };

/** A line each: where, which option, and why it is not in the configuration. Never what it says. */
export function remarksText(remarks: readonly Remark[]): string {
  if (remarks.length === 0) return 'every line has its equivalent\n';
  const lines = remarks.map(({ file, line, what, kind, reason }) => `${file}:${line}: ${what}: ${KINDS[kind]}: ${reason}\n`);
  const counts = (['missing', 'differs', 'needless'] as const).map((kind) => `${remarks.filter((remark) => remark.kind === kind).length} ${KINDS[kind]}`);
  return `${lines.join('')}${counts.join(', ')}; every other line has its equivalent\n`;
}
