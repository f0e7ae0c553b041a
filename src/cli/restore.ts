// `postern restore FILE`: into a data directory that no gateway uses.
import { resolve } from 'node:path';
import type { BackupContents, RestoreReport } from '../model/backup.ts';
import { GatewayError } from '../model/errors.ts';
import { harmless } from '../observe/text-line.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { prepareDataDirectory } from './data-directory.ts';
import { EXIT, EXIT_OF } from './exit-codes.ts';
import { size } from './status-text.ts';
import type { Surroundings } from './surroundings.ts';

export interface RestoreOptions extends ConfigOptions {
  readonly list?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  /** Directory for the files of the configuration. */
  readonly files?: string;
}

/** @param file - the backup. */
export async function restore(file: string, options: RestoreOptions, surroundings: Surroundings): Promise<number> {
  const loaded = loadConfig(options, surroundings, 'ignored');
  if (loaded.kind === 'invalid') {
    surroundings.complain(problemText(loaded.problems));
    return EXIT.config;
  }
  const archive = resolve(file);
  try {
    const maintenance = await surroundings.maintenance();
    if (options.list) {
      surroundings.write(contentsText(await maintenance.lookInto(archive)));
      return EXIT.ok;
    }
    const { directory } = loaded.config.data;
    prepareDataDirectory(directory);
    const { force = false, dryRun = false, files } = options;
    const order = {
      archive,
      directory,
      clock: surroundings.clock,
      isForced: force,
      isTrial: dryRun,
      filesTo: files === undefined ? undefined : resolve(files),
    };
    surroundings.write(restoreText(await maintenance.restore(order), { directory, isTrial: dryRun, filesTo: order.filesTo }));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    surroundings.complain(`postern: ${harmless(error.message)}\n`);
    return EXIT_OF[error.code];
  }
}

export function contentsText({ madeBy, madeAtMs, bytes, files }: BackupContents): string {
  const lines = [
    `made by Postern ${madeBy} at ${new Date(madeAtMs).toISOString()}, ${size(bytes)}`,
    ...files.map(({ name, key, path, isKept }) => (isKept ? `${name}  ${key} ${path}` : `without ${key} ${path}: secret`)),
  ];
  return told(lines);
}

export function restoreText(
  report: RestoreReport,
  { directory, isTrial, filesTo }: { readonly directory: string; readonly isTrial: boolean; readonly filesTo: string | undefined },
): string {
  const { sessions, queuedMessages, retainedMessages, filesPlaced, setAside, files, exchangesForgotten } = report;
  const missing = files.filter(({ isKept }) => !isKept);
  const elsewhere = files.filter(({ isKept, place }) => isKept && !filesPlaced.includes(place));
  const lines = [
    isTrial ? `${directory} was not touched; a restore would bring back` : `${directory} is as it was at ${new Date(report.madeAtMs).toISOString()}`,
    `${sessions} sessions, ${queuedMessages} messages in queues, ${retainedMessages} retained`,
    ...(exchangesForgotten > 0 ? [`${exchangesForgotten} incoming QoS 2 exchanges forgotten: a message of theirs may come twice, and none is lost`] : []),
    ...filesPlaced.map((name) => `with ${name}`),
    ...(setAside === null ? [] : [`what was there before lies in ${directory}/${setAside}`]),
    ...(filesTo === undefined || isTrial ? [] : [`${files.length - missing.length} files of the configuration written to ${filesTo}`]),
    ...(filesTo === undefined ? elsewhere.map(({ key, path }) => `not put back: ${key} ${path} (--files)`) : []),
    ...missing.map(({ key, path }) => `not in the backup, being secret: ${key} ${path}`),
  ];
  return told(lines);
}

function told(lines: readonly string[]): string {
  return lines.map((line) => `${harmless(line)}\n`).join('');
}
