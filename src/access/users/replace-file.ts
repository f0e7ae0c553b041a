import type { Stats } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GatewayError } from '../../model/errors.ts';

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
  const handle = await opened(draft);
  try {
    await handle.writeFile(await make());
    if (process.getuid?.() === 0) await giveTo(await ownerOf(path), handle);
    await handle.sync();
    await rename(draft, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(draft, { force: true });
    throw error instanceof GatewayError ? error : unwritable(path, error);
  } finally {
    await handle.close();
  }
}

async function opened(draft: string): Promise<FileHandle> {
  try {
    return await open(draft, 'wx', OWNER_ONLY);
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw new GatewayError('CONFIG_INVALID', `${draft} exists: another command is writing; if none is, remove that file`);
    throw unwritable(draft, error);
  }
}

async function ownerOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
    return stat(dirname(path));
  }
}

/** Not by its name: who owns the directory may have put a link to a file of root's in its place. */
function giveTo({ uid, gid }: Stats, handle: FileHandle): Promise<void> {
  return handle.chown(uid, gid);
}

/** So that the new name survives a power cut. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function unwritable(path: string, error: unknown): GatewayError {
  return new GatewayError('CONFIG_INVALID', `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
