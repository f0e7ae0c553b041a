// What fits on a screen is read; what does not is scrolled past.
import type { Node } from 'oxc-parser';
import type { Report, Source } from './source.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 60;

export function fileLength({ lineCount }: Source, report: Report): void {
  if (lineCount > FILE_LINES_MAX) report(0, 'file-too-long');
}

export function functionLength(node: Node, { lineOf }: Source, report: Report): void {
  if (node.type !== 'FunctionDeclaration' && node.type !== 'FunctionExpression' && node.type !== 'ArrowFunctionExpression') return;
  if (lineOf(node.end) - lineOf(node.start) + 1 > FUNCTION_LINES_MAX) report(node.start, 'function-too-long');
}
