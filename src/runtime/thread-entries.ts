// The files that threads and processes of the gateway run: beside this one as it is written, or all in one folder of the bundle.
export const COMMIT_WORKER = threadEntry('commit-worker');
export const BACKUP_WORKER = threadEntry('backup-worker');

function threadEntry(name: string): URL {
  return new URL(import.meta.url.endsWith('.ts') ? `./${name}.ts` : `./${name}.js`, import.meta.url);
}
