import { chownSync, closeSync, copyFileSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { GatewayError } from '../model/errors.ts';

/**
 * Moves a file, onto another disk if need be. At no moment there is part of a file called `to`, and it survives a power cut.
 *
 * @throws GatewayError STORE_UNAVAILABLE - it cannot be written there; nothing was changed.
 */
export function moveFile(from: string, to: string): void {
  try {
    if (!isRenamed(from, to)) copyOver(from, to);
    if (process.getuid?.() === 0) chownSync(to, 0, process.getgid?.() ?? 0); // not the gateway's any more
    synced(dirname(to));
  } catch (error) {
    throw new GatewayError('STORE_UNAVAILABLE', `${to} cannot be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function isRenamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EXDEV') return false;
    throw error;
  }
}

function copyOver(from: string, to: string): void {
  const draft = `${to}.new`;
  try {
    copyFileSync(from, draft); // with its mode
    synced(draft);
    renameSync(draft, to);
    rmSync(from);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function synced(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
