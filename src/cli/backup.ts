// `postern backup FILE`: of a running gateway through its control socket, of a data directory that nobody uses by itself.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { LoadOutcome } from '../config/load.ts';
import { ask } from '../control/client.ts';
import type { BackupProgress, BackupReport } from '../model/backup.ts';
import { GatewayError } from '../model/errors.ts';
import { harmless } from '../observe/text-line.ts';
import type { GatewayRequest } from './ask-gateway.ts';
import { filesToKeep } from './backup-files.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { EXIT, EXIT_OF } from './exit-codes.ts';
import { moveFile } from './move-file.ts';
import { size } from './status-text.ts';
import type { Surroundings } from './surroundings.ts';

export interface BackupOptions extends ConfigOptions {
  readonly withSecrets?: boolean;
  readonly force?: boolean;
}

type Loaded = Extract<LoadOutcome, { kind: 'loaded' }>;

/** @param file - what the backup is to be called. */
export async function backup(file: string, options: BackupOptions, surroundings: Surroundings): Promise<number> {
  const loaded = loadConfig(options, surroundings, 'ignored');
  if (loaded.kind === 'invalid') {
    surroundings.complain(problemText(loaded.problems));
    return EXIT.config;
  }
  try {
    const target = resolve(file);
    requireTarget(target, options);
    const order = { target, options, loaded, surroundings };
    const report = (await ofRunning(order)) ?? (await ofStopped(order));
    surroundings.write(backupText(target, report));
    return complaint(report, surroundings);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    surroundings.complain(`postern: ${harmless(error.message)}\n`);
    return EXIT_OF[error.code];
  }
}

interface Order {
  readonly target: string;
  readonly options: BackupOptions;
  readonly loaded: Loaded;
  readonly surroundings: Surroundings;
}

function requireTarget(target: string, { force = false }: BackupOptions): void {
  if (!existsSync(dirname(target))) throw new GatewayError('STORE_UNAVAILABLE', `there is no directory ${dirname(target)}`);
  if (!force && existsSync(target)) throw new GatewayError('STORE_UNAVAILABLE', `${target} exists: choose another name, or --force to replace it`);
}

/** Undefined: none answers. */
async function ofRunning({ target, options, loaded, surroundings }: Order): Promise<BackupReport | undefined> {
  const asked = async (request: GatewayRequest): Promise<BackupProgress> => progressOf(await askedOf(loaded, surroundings, request));
  let progress: BackupProgress;
  try {
    progress = await asked({ command: 'backup.start', withSecrets: options.withSecrets === true });
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'CONTROL_UNAVAILABLE') return undefined; // the lock tells whether one is there all the same
    throw error;
  }
  while (progress.state === 'running') progress = await asked({ command: 'backup.status', isToWait: true });
  if (progress.state === 'failed') throw new GatewayError('STORE_UNAVAILABLE', progress.message);
  if (progress.state === 'none') throw new GatewayError('STORE_UNAVAILABLE', 'the gateway was restarted meanwhile: try again');
  moveFile(progress.file, target);
  return progress.report;
}

async function askedOf({ config }: Loaded, { clock }: Surroundings, { command, ...parameters }: GatewayRequest): Promise<unknown> {
  const answer = await ask(config.control.socket, clock, command, parameters);
  if ('ok' in answer) return answer.ok;
  throw new GatewayError(
    answer.error.code === 'CONTROL_UNAVAILABLE' ? 'CONTROL_UNAVAILABLE' : 'STORE_UNAVAILABLE',
    `the gateway refused: ${answer.error.message}`,
  );
}

async function ofStopped({ target, options, loaded, surroundings }: Order): Promise<BackupReport> {
  const { config, written } = loaded;
  const maintenance = await surroundings.maintenance();
  return maintenance.backUp({
    directory: config.data.directory,
    target,
    files: filesToKeep({ config, file: options.config, written }),
    withSecrets: options.withSecrets === true,
    madeBy: surroundings.version,
    madeAtMs: surroundings.clock.nowMs(),
  });
}

/** The answer of a gateway of this version or a later one. */
function progressOf(answer: unknown): BackupProgress {
  const { state } = Object(answer);
  if (state === 'none' || state === 'running' || state === 'done' || state === 'failed') return answer as BackupProgress;
  throw new GatewayError('STORE_UNAVAILABLE', 'the gateway answered something else: it is of another version');
}

function complaint({ damagedGroups, damagedRows }: BackupReport, surroundings: Surroundings): number {
  if (damagedGroups.length + damagedRows === 0) return EXIT.ok;
  surroundings.complain(
    `postern: the store itself is damaged: ${damagedGroups.length} groups and ${damagedRows} rows cannot be read, in the backup neither; keep an older one\n`,
  );
  return EXIT.dataError;
}

export function backupText(target: string, report: BackupReport): string {
  const { bytes, sessions, queuedMessages, retainedMessages, groups, writtenBytes, filesKept, filesLeftOut } = report;
  const written = writtenBytes === null ? '' : `; ${size(writtenBytes)} written to disks for it`;
  const lines = [
    `${target}  ${size(bytes)}`,
    `${sessions} sessions, ${queuedMessages} messages in queues, ${retainedMessages} retained`,
    `checked: every page and ${groups} groups${written}`,
    ...filesKept.map((file) => `with ${file}`),
    ...filesLeftOut.map((file) => `without ${file}: secret (--with-secrets)`),
  ];
  return lines.map((line) => `${harmless(line)}\n`).join('');
}
