import { key, optionalKey, section } from './nodes.ts';
import { boolean, integer, path } from './values.ts';

export const backup = section('Backups the gateway makes by itself, as `postern backup` does.', {
  directory: optionalKey(path, 'Directory they are made in, best on another disk; without it none are made.', '/mnt/usb/postern'),
  intervalHours: key(integer({ min: 1, max: 8_784 }), 'Hours between two of them.', 24),
  keep: key(integer({ min: 1, max: 1_000 }), 'How many are kept; the oldest goes when one more is made.', 7),
  secrets: key(boolean, 'Whether they hold passwords, private keys and pre-shared keys too.', false),
});
