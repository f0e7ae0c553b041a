import { EXIT } from './exit-codes.ts';
import { processSurroundings } from './process-surroundings.ts';
import { run } from './program.ts';

/** Files and sockets the gateway makes are for its own user. */
const OWNER_ONLY = 0o077;

/** @returns the exit code, whatever happens. */
export async function main(args: readonly string[]): Promise<number> {
  process.umask(OWNER_ONLY);
  try {
    return await run(args, processSurroundings());
  } catch (error) {
    process.stderr.write(`postern: ${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT.software;
  }
}
