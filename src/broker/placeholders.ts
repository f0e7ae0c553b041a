import { isPlainLevel } from '../model/topic.ts';

/** Who the placeholders stand for. */
export interface ClientNames {
  readonly clientId: string;
  /** Only one that somebody vouched for. */
  readonly username?: string | undefined;
}

const PLACEHOLDER = /\$\{(clientid|username)\}/g;

/**
 * A text of the configuration with `${clientid}` and `${username}` filled in. A client named `#` or `a/b` must not widen or move what its name is
 * put into.
 *
 * @returns undefined when a name that is asked for is missing or is not a plain part of a level.
 */
export function fillPlaceholders(template: string, names: ClientNames): string | undefined {
  if (!template.includes('${')) return template;
  let isComplete = true;
  const filled = template.replace(PLACEHOLDER, (_, name: string) => {
    const value = name === 'clientid' ? names.clientId : names.username;
    if (value !== undefined && isPlainLevel(value)) return value;
    isComplete = false;
    return '';
  });
  return isComplete ? filled : undefined;
}
