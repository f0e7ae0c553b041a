// What the command lines of the scripts have in common.
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** EX_USAGE of sysexits.h. */
export const EXIT_USAGE = 64;

/** Wrong usage; the message is for the person who typed it. */
export class UsageError extends Error {}

/** @throws UsageError - an option there is not, or one without its value. */
export function optionValues<const Options extends ParseArgsOptionsConfig>(argv: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message);
  }
}

/**
 * @param text - undefined: the option was not given.
 * @throws UsageError
 */
export function wholeNumber(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < least)
    throw new UsageError(`--${name} wants a whole number from ${least}, not "${text}"`);
  return number;
}
