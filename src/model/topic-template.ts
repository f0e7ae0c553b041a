// Names made of what the wildcards of a filter matched: `site/{1}/temperature` of `readings/+/t`.
import type { TopicFilter, TopicName } from './topic.ts';

const PLACEHOLDER = /\{([1-9#])\}/g;

/** @returns what is wrong with a template for the names `filter` selects; undefined: nothing. */
export function templateProblem(template: string, filter: string): string | undefined {
  const levels = filter.split('/');
  const count = levels.filter((level) => level === '+').length;
  for (const [, which = ''] of template.matchAll(PLACEHOLDER)) {
    if (which === '#' && levels.at(-1) !== '#') return '{#} needs a filter that ends in #';
    if (Number(which) > count) return `{${which}} needs ${which} + in the filter`;
  }
  const rest = template.replace(PLACEHOLDER, '');
  if (/[+#{}]/.test(rest)) return 'must have no wildcard, and braces only as {1} to {9} and {#}';
  return undefined;
}

/** @param name - one that `filter` selects. @returns text that may be no topic name: too long, too deep. */
export function filled(template: string, filter: TopicFilter, name: TopicName): string {
  const captured = capturedLevels(filter, name);
  const text = template.replace(PLACEHOLDER, (_, which: string) => captured.get(which) ?? '');
  // "readings/#" selects "readings" too (MQTT 5 §4.7.1.2), and then there is nothing for {#}.
  return captured.get('#') === undefined && template.endsWith('/{#}') ? text.slice(0, -1) : text;
}

/** What each `+` matched, by its number from 1, and what `#` did, if anything. */
function capturedLevels(filter: TopicFilter, name: TopicName): ReadonlyMap<string, string> {
  const levels = name.split('/');
  const captured = new Map<string, string>();
  let count = 0;
  for (const [index, level] of filter.split('/').entries()) {
    if (level === '#' && index < levels.length) captured.set('#', levels.slice(index).join('/'));
    if (level !== '+') continue;
    count += 1;
    captured.set(`${count}`, levels[index] ?? '');
  }
  return captured;
}
