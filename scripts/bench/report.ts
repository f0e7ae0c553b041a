// The tables, as Markdown.
import type { Line, Table } from './bench.ts';

/** @param heading - the title, then facts that become a list. */
export function report([title = '', ...facts]: readonly string[], lines: readonly Line[]): string {
  const tables = [...new Set(lines.map((line) => line.table))];
  const sections = tables.map((table) =>
    section(
      table,
      lines.filter((line) => line.table === table),
    ),
  );
  return `# ${title}\n\n${facts.map((fact) => `- ${fact}\n`).join('')}\n${sections.join('\n')}\n${summary(lines)}\n`;
}

function section({ title, columns }: Table, lines: readonly Line[]): string {
  const rows = [columns, columns.map(() => '---'), ...lines.map((line) => [...line.cells, line.verdict ?? ''])];
  return `## ${title}\n\n${rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('')}`;
}

function summary(lines: readonly Line[]): string {
  const judged = lines.filter((line) => line.verdict !== undefined);
  const missed = judged.filter((line) => line.verdict === 'MISS').map((line) => line.cells[0]);
  return `${judged.length - missed.length} of ${judged.length} floors met${missed.length > 0 ? `; missed: ${missed.join(', ')}` : ''}`;
}
