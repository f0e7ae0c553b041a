import { isPlainLevel } from '../model/topic.ts';

/** Who the placeholders stand for. */
export interface ClientNames {
  readonly clientId: string;
  /** Only one that somebody vouched for. */
  readonly username?: string | undefined;
}

const PLACEHOLDER = /\$\{(clientid|username)\}|\$([1-9])/g;

/**
 * A text of the configuration with `${clientid}` and `${username}` filled in. A client named `#` or `a/b` must not widen or move what its name is
 * put into.
 *
 * @param groups - what `$1` to `$9` stand for, from index 1; they stand for themselves when absent. Filled in together with the names, so that
 * neither a name nor what was captured is read as a placeholder.
 * @returns undefined when a name that is asked for is missing or is not a plain part of a level.
 */
export function fillPlaceholders(template: string, names: ClientNames, groups?: readonly (string | undefined)[]): string | undefined {
  if (!template.includes('$')) return template;
  let isComplete = true;
  const filled = template.replace(PLACEHOLDER, (whole, name: string | undefined, group: string) => {
    if (name === undefined) return groups === undefined ? whole : (groups[Number(group)] ?? '');
    const value = name === 'clientid' ? names.clientId : names.username;
    if (value !== undefined && isPlainLevel(value)) return value;
    isComplete = false;
    return '';
  });
  return isComplete ? filled : undefined;
}
