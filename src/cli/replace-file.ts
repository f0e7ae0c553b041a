import { closeSync, fchownSync, fsyncSync, openSync, renameSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { GatewayError } from '../model/errors.ts';

const OWNER_ONLY = 0o600;

/**
 * Puts a file of the gateway's in the place of the former, whole or not at all, readable by its owner alone. What root writes belongs to whom the
 * former file or its directory belongs to: the gateway must be able to read it.
 *
 * @param make - gets what is replaced only once nobody else can replace it too.
 * @throws GatewayError CONFIG_INVALID - it cannot be written, or another process is at it; and what `make` throws. Nothing was changed then.
 */
export async function replaceFile(path: string, make: () => Promise<string>): Promise<void> {
  const draft = `${path}.new`;
  const handle = opened(draft);
  try {
    const text = await make();
    writeFileSync(handle, text);
    if (process.getuid?.() === 0) giveTo(ownerOf(path), handle);
    fsyncSync(handle);
    renameSync(draft, path);
    syncDirectory(dirname(path));
  } catch (error) {
    rmSync(draft, { force: true });
    throw error instanceof GatewayError ? error : unwritable(path, error);
  } finally {
    closeSync(handle);
  }
}

function opened(draft: string): number {
  try {
    return openSync(draft, 'wx', OWNER_ONLY);
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (isTaken) throw new GatewayError('CONFIG_INVALID', `${draft} exists: another command is writing; if none is, remove that file`);
    throw unwritable(draft, error);
  }
}

function ownerOf(path: string): Stats {
  return statSync(path, { throwIfNoEntry: false }) ?? statSync(dirname(path));
}

/** Not by its name: who owns the directory may have put a link to a file of root's in its place. */
function giveTo({ uid, gid }: Stats, handle: number): void {
  fchownSync(handle, uid, gid);
}

/** So that the new name survives a power cut. */
function syncDirectory(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function unwritable(path: string, error: unknown): GatewayError {
  return new GatewayError('CONFIG_INVALID', `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
