import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

export function version({ version: own, write }: Pick<Surroundings, 'version' | 'write'>): number {
  write(`postern ${own} (Node.js ${process.version}, ${process.platform} ${process.arch})\n`);
  return EXIT.ok;
}
