// A comment says why, or which clause. It is not a promise, a poster or a graveyard.
import { type Comment, parseSync } from 'oxc-parser';
import type { Report } from './source.ts';

const UNFINISHED = /\b(TODO|FIXME|XXX|HACK)\b/;
/** A line that opens with a ruler of one sign, or any run of box-drawing and block signs. */
const BANNER = /^[\s*]*([=#~*_-])\1{3}|[\u2500-\u259f\u2e3a\u2e3b]{3}/m;

export function commentRules(comment: Comment, report: Report): void {
  const { value, start, type } = comment;
  if (UNFINISHED.test(value)) report(start, 'unfinished');
  if (BANNER.test(value)) report(start, 'banner');
  if (type === 'Line' && isStatement(value)) report(start, 'commented-out-code');
}

/** Prose does not parse; a bare word or a label with a colon does, and is none. */
function isStatement(text: string): boolean {
  if (!/[;}]\s*$/.test(text)) return false;
  const { program, errors } = parseSync('comment.ts', `async function commented() {${text}\n}`);
  const [wrapper] = program.body;
  if (errors.length > 0 || wrapper?.type !== 'FunctionDeclaration') return false;
  const first = wrapper.body?.body[0];
  if (first === undefined || first.type === 'LabeledStatement' || first.type === 'BlockStatement') return false;
  return first.type !== 'ExpressionStatement' || !['Identifier', 'Literal', 'SequenceExpression'].includes(first.expression.type);
}
