import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
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
    mkdirSync(path, { recursive: true, mode: OWNER_ONLY });
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
