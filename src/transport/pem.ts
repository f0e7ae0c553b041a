// The blocks of a PEM file (RFC 7468) and the lines they begin in, so that what is wrong with one can be found by whoever reads of it.

export interface PemBlock {
  readonly label: string;
  readonly pem: string;
  /** Of its BEGIN, from 1. */
  readonly line: number;
}

export interface PemProblem {
  readonly line: number;
  readonly message: string;
}

const BOUNDARY = /-----(BEGIN|END) ([A-Z0-9 ]+)-----/g;

/** @returns what stands between matching boundaries; anything else, text for readers say, is passed over (§5.2). The first boundary without its other is the problem. */
export function readPem(text: string): { readonly blocks: readonly PemBlock[]; readonly problem: PemProblem | undefined } {
  const blocks: PemBlock[] = [];
  const lineOf = lineCounter(text);
  let open: { readonly label: string; readonly line: number; readonly at: number } | undefined;
  for (const { 0: boundary, 1: side, 2: label = '', index } of text.matchAll(BOUNDARY)) {
    const line = lineOf(index);
    if (side === 'BEGIN') {
      if (open !== undefined) return { blocks, problem: unfinished(open) };
      open = { label, line, at: index };
    } else if (open?.label === label) {
      blocks.push({ label, line: open.line, pem: text.slice(open.at, index + boundary.length) });
      open = undefined;
    } else {
      return { blocks, problem: { line, message: `END ${label} without its BEGIN` } };
    }
  }
  return { blocks, problem: open && unfinished(open) };
}

/** @returns what the file holds instead of what is looked for, as an addition to a sentence. */
export function heldInstead(bytes: Buffer, blocks: readonly PemBlock[]): string {
  const labels = [...new Set(blocks.map(({ label }) => label))];
  if (labels.length > 0) return `, but ${labels.join(', ')}`;
  const isDer = bytes[0] === 0x30; // X.690: SEQUENCE, with which everything of X.509 begins
  return isDer ? ': it looks like DER, which openssl turns into PEM' : '';
}

function unfinished({ label, line }: { readonly label: string; readonly line: number }): PemProblem {
  return { line, message: `BEGIN ${label} without its END` };
}

/** For offsets that grow. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let at = 0;
  return (offset) => {
    for (let next = text.indexOf('\n', at); next !== -1 && next < offset; next = text.indexOf('\n', at)) {
      line += 1;
      at = next + 1;
    }
    return line;
  };
}
