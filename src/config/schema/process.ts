import { key, optionalKey, section } from './nodes.ts';
import { boolean, choice, path } from './values.ts';

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

export const clock = section('The wall clock of the machine: nothing waits by it, and what it says is told with how sure it is.', {
  source: key(
    choice(['auto', 'trusted', 'untrusted']),
    'Whether the wall clock is right: as systemd-timesyncd, chronyd or the kernel say (auto), always, where a battery keeps it (trusted), or never (untrusted).',
    'auto',
  ),
  userProperties: key(
    boolean,
    'Tells MQTT 5.0 subscribers and bridges when each message came, by User Properties: postern-received, postern-clock, postern-boot, postern-uptime-ms.',
    false,
  ),
});

export const log = section('What is logged, to standard error.', {
  level: key(choice(['debug', 'info', 'warn', 'error']), 'Least serious lines that are written.', 'info'),
  format: key(choice(['auto', 'text', 'json']), 'Form of a line; auto is text on a terminal and json elsewhere.', 'auto'),
});
