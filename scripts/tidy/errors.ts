// Failures have a class and a code, and whoever catches one finishes it.
import type { Node } from 'oxc-parser';
import type { Report, Source } from './source.ts';

/** TypeError and RangeError stay: they tell a programmer that the caller is wrong, and nobody handles them. */
const PLAIN = /^(globalThis\.)?(Error|AggregateError)$/;
const LOG_CALL = /(^|[.#])(log|logger|console)(\.\w+)?$/;

export function plainError(node: Node, { text, path }: Source, report: Report): void {
  if (node.type === 'NewExpression' || node.type === 'CallExpression') {
    if (PLAIN.test(text.slice(node.callee.start, node.callee.end))) report(node.start, 'plain-error');
  }
  if (node.type === 'ThrowStatement' && (node.argument.type === 'Literal' || node.argument.type === 'TemplateLiteral')) report(node.start, 'plain-error');
  if ((node.type === 'ClassDeclaration' || node.type === 'ClassExpression') && node.superClass && path !== 'src/model/errors.ts') {
    if (PLAIN.test(text.slice(node.superClass.start, node.superClass.end))) report(node.start, 'plain-error');
  }
}

/** `catch {}`, `catch (e) { log.error(e) }` and their promise forms. */
export function idleCatch(node: Node, source: Source, report: Report): void {
  if (node.type === 'CatchClause') judge(node.body.body, node.start, source, report);
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return;
  const { property } = node.callee;
  const [handler] = node.arguments;
  if (property.type !== 'Identifier' || property.name !== 'catch' || handler === undefined) return;
  if (handler.type !== 'ArrowFunctionExpression' && handler.type !== 'FunctionExpression') return;
  if (handler.body?.type === 'BlockStatement') judge(handler.body.body, node.callee.property.start, source, report);
  else if (handler.body) judgeValue(handler.body, node.callee.property.start, source, report);
}

function judge(statements: readonly Node[], offset: number, source: Source, report: Report): void {
  if (statements.length === 0) report(offset, 'empty-catch');
  else if (statements.every((each) => each.type === 'ExpressionStatement' && isLogCall(each.expression, source))) report(offset, 'catch-only-logs');
}

/** A promise's `.catch(() => value)` that stands for nothing. */
function judgeValue(value: Node, offset: number, source: Source, report: Report): void {
  if (isLogCall(value, source)) report(offset, 'catch-only-logs');
  const isNothing = (value.type === 'Identifier' && value.name === 'undefined') || (value.type === 'UnaryExpression' && value.operator === 'void');
  if (isNothing || (value.type === 'Literal' && value.value === null)) report(offset, 'empty-catch');
}

function isLogCall(node: Node, source: Source): boolean {
  if (node.type === 'ChainExpression') return isLogCall(node.expression, source);
  return node.type === 'CallExpression' && LOG_CALL.test(source.text.slice(node.callee.start, node.callee.end).replaceAll('?', ''));
}

/** `x as any`, `x as unknown as T`: types that lie. */
export function lyingCast(node: Node, report: Report): void {
  if (node.type !== 'TSAsExpression') return;
  if (node.typeAnnotation.type === 'TSAnyKeyword' || node.expression.type === 'TSAsExpression') report(node.start, 'lying-cast');
}
