import { key, optionalKey, section } from './nodes.ts';
import { choice, path } from './values.ts';

export const data = section('Where the gateway keeps what it promised not to lose.', {
  directory: optionalKey(
    path,
    'Directory of the database, made with mode 0700 when it is missing; --data wins over it, and without either it is $STATE_DIRECTORY under systemd and ./data elsewhere.',
    './data',
  ),
});

export const control = section('The Unix socket through which commands such as `postern status` reach a running gateway.', {
  socket: optionalKey(path, 'Path of the socket, mode 0600; control.sock in the data directory unless given.', './data/control.sock'),
});

export const log = section('What is logged, to standard error.', {
  level: key(choice(['debug', 'info', 'warn', 'error']), 'Least serious lines that are written.', 'info'),
  format: key(choice(['auto', 'text', 'json']), 'Form of a line; auto is text on a terminal and json elsewhere.', 'auto'),
});
