// What must be passed in (time, randomness) or has one home (turns of the event loop, the network, loading of modules) is not taken from
// the air: not called, not aliased, not destructured, not reached through globalThis, not imported from node:timers.
import type { Node } from 'oxc-parser';
import type { Place, Report } from './source.ts';

/** Globals nobody may touch, and the rule they break. */
const VALUES: Readonly<Record<string, string>> = {
  setTimeout: 'raw-timer',
  setInterval: 'raw-timer',
  setImmediate: 'raw-turn',
  queueMicrotask: 'raw-turn',
  fetch: 'raw-network',
  WebSocket: 'raw-network',
  EventSource: 'raw-network',
  require: 'unseen-import',
};

const THROUGH_GLOBAL = { ...VALUES, Date: 'raw-clock', Math: 'raw-clock', performance: 'raw-clock', AbortSignal: 'raw-timer', Atomics: 'raw-timer' };

/** Globals of which some members break a rule. */
const MEMBERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Date: { now: 'raw-clock' },
  Math: { random: 'raw-clock' },
  performance: { now: 'raw-clock', timeOrigin: 'raw-clock' },
  AbortSignal: { timeout: 'raw-timer' },
  Atomics: { wait: 'raw-timer', waitAsync: 'raw-timer' },
  process: { hrtime: 'raw-clock', nextTick: 'raw-turn', getBuiltinModule: 'unseen-import' },
  globalThis: THROUGH_GLOBAL,
  global: THROUGH_GLOBAL,
};

/** Modules that hand the same out by import; `names` when only some of their exports do. */
const MODULES: Readonly<Record<string, { readonly rule: string; readonly names?: readonly string[] }>> = {
  timers: { rule: 'raw-timer' },
  'timers/promises': { rule: 'raw-timer' },
  perf_hooks: { rule: 'raw-clock' },
  module: { rule: 'unseen-import' },
  process: { rule: 'raw-clock', names: ['hrtime', 'nextTick', 'getBuiltinModule'] },
};

export function rawGlobals(node: Node, place: Place, report: Report): void {
  if (node.type === 'ImportDeclaration') importOf(node, report);
  if (node.type !== 'Identifier' || !isValue(place)) return;
  const { parent } = place;
  const value = VALUES[node.name];
  if (value !== undefined) report(node.start, value);
  const members = MEMBERS[node.name];
  if (members === undefined || parent === undefined) return;
  if (node.name === 'Date' && isTimeless(parent, node)) return;
  const taken = membersTaken(parent, node);
  if (taken === undefined) {
    if (node.name !== 'process') report(node.start, 'raw-clock');
    return;
  }
  for (const rule of new Set(taken.flatMap((name) => members[name] ?? []))) report(node.start, rule);
}

function importOf(node: Extract<Node, { type: 'ImportDeclaration' }>, report: Report): void {
  const source = MODULES[node.source.value.replace(/^node:/, '')];
  if (source === undefined) return;
  const names = node.specifiers.map((each) => (each.type === 'ImportSpecifier' && each.imported.type === 'Identifier' ? each.imported.name : ''));
  if (source.names === undefined || names.some((name) => source.names?.includes(name))) report(node.start, source.rule);
}

/** Whether an identifier stands for a value, not for a property's name or in a type. */
function isValue({ parent, key }: Place): boolean {
  if (parent === undefined) return true;
  if (parent.type === 'MemberExpression') return key === 'object' || parent.computed;
  if (key === 'key') return 'computed' in parent && parent.computed === true;
  if (parent.type.startsWith('TS')) return /^TS(As|Satisfies|NonNull|Instantiation)/.test(parent.type);
  return true;
}

/** `new Date(x)` and `instanceof Date` know no time of their own. */
function isTimeless(parent: Node, node: Node): boolean {
  if (parent.type === 'NewExpression') return parent.callee === node && parent.arguments.length > 0;
  return parent.type === 'BinaryExpression' && parent.operator === 'instanceof' && parent.right === node;
}

/** The names taken out of a global by `global.name`, `global['name']` or `const { name } = global`; undefined when that cannot be told. */
function membersTaken(parent: Node, node: Node): string[] | undefined {
  if (parent.type === 'MemberExpression' && parent.object === node) {
    if (parent.property.type === 'Literal') return [String(parent.property.value)];
    return parent.property.type === 'Identifier' && !parent.computed ? [parent.property.name] : undefined;
  }
  if (parent.type !== 'VariableDeclarator' || parent.init !== node || parent.id.type !== 'ObjectPattern') return undefined;
  const names = parent.id.properties.map((property) => (property.type === 'Property' && property.key.type === 'Identifier' ? property.key.name : undefined));
  return names.every((name) => name !== undefined) ? names : undefined;
}
