import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { GatewayError } from '../model/errors.ts';

const OWNER_ONLY = 0o700;
const OTHERS = 0o077;

/**
 * Makes the data directory unless it exists.
 *
 * @returns what should be said about it; undefined when it is as it should be.
 * @throws GatewayError STORE_UNAVAILABLE - it cannot be made or written to.
 */
export function prepareDataDirectory(path: string): string | undefined {
  try {
    makeDirectory(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const mode = statSync(path).mode & 0o777;
    return (mode & OTHERS) === 0 ? undefined : `the data directory ${path} is open to other users (mode ${mode.toString(8)}): chmod 700 it`;
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new GatewayError(
      'STORE_UNAVAILABLE',
      `the data directory ${path} cannot be used (${cause}): choose another with --data, or let this user write there`,
      {
        cause: error,
      },
    );
  }
}

/** With its parents. Not by mkdir's `recursive`, which never returns where a parent exists that takes no directories, as in /proc. */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  mkdirSync(path, OWNER_ONLY);
}
