// The servers that are measured, and how each is started.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVER_IDENTITY } from '../../test/support/certificates.ts';
import { RUNTIME_OPTIONS } from '../runtime-options.ts';
import type { Command } from './children.ts';
import type { Place, Subject } from './server.ts';

/** Postern as compiled JavaScript, on its defaults but for what a load of this size needs. */
export function postern(program: string): Subject {
  return {
    name: 'Postern',
    command: ({ port, directory }) => ({
      program: process.execPath,
      args: [...RUNTIME_OPTIONS, program, 'start', '--data', join(directory, 'data'), ...posternSettings(port).flatMap((setting) => ['--set', setting])],
    }),
  };
}

function posternSettings(port: number): string[] {
  return [
    `mqtt.tcp.bind=127.0.0.1:${port}`,
    'mqttSn.udp.bind=127.0.0.1:0', // open as by default, but in nobody's way
    'queue.messagesMax=1000000000', // an offline session holds whatever a durable round acknowledges
    'queue.bytesMax=64GiB',
  ];
}

/** The same with `extra` settings. */
function withSettings(subject: Subject, extra: (place: Place) => readonly string[]): Subject {
  return {
    name: subject.name,
    command: (place) => {
      const { args, ...command } = subject.command(place);
      return { ...command, args: [...args, ...extra(place)] };
    },
  };
}

/** Postern that commits where it is told to, whatever the disk is like. */
export function withCommitter(subject: Subject, committer: 'inline' | 'worker'): Subject {
  return withSettings(subject, () => ['--set', `store.committer=${committer}`]);
}

/** Postern with an access list of which the last rule allows what the bench does, and the others are looked at before. */
export function withAccessRules(subject: Subject, count: number): Subject {
  return withSettings(subject, ({ directory }) => {
    const configuration = join(directory, 'rules.yaml');
    writeFileSync(configuration, accessRules(count));
    return ['--config', configuration];
  });
}

function accessRules(count: number): string {
  const others = Array.from(
    { length: count - 1 },
    (_, index) => `    - { permission: deny, topic: "plant/${index}/#"${index % 2 === 0 ? `, clientId: device-${index}` : ''} }\n`,
  );
  return `access:\n  defaultPermission: deny\n  rules:\n${others.join('')}    - { permission: allow, topic: "bench/#" }\n`;
}

/** Postern with its listener behind TLS. */
export function withTls(subject: Subject): Subject {
  return withSettings(subject, ({ port, directory }) => {
    const { certFile, keyFile } = identityFiles(directory);
    const settings = [
      'mqtt.tcp.enabled=false',
      'mqtt.tls.enabled=true',
      `mqtt.tls.bind=127.0.0.1:${port}`,
      `mqtt.tls.certFile=${certFile}`,
      `mqtt.tls.keyFile=${keyFile}`,
    ];
    return settings.flatMap((setting) => ['--set', setting]);
  });
}

/** One bridge of a server under test. */
export interface BridgedTopics {
  readonly name: string;
  /** Where the remote listens, on this host. */
  readonly port: number;
  readonly filter: string;
}

/** How many messages a bridge has under way, ours and Mosquitto's alike. */
const BRIDGE_INFLIGHT_MAX = 1_000;

/** Postern with bridges that hold whatever a round acknowledges, and call every second. */
export function withBridges(subject: Subject, bridges: readonly BridgedTopics[]): Subject {
  const listed = bridges.map(({ name, port, filter }) => ({
    name,
    address: `127.0.0.1:${port}`,
    protocol: '3.1.1', // as Mosquitto's own
    inflightMax: BRIDGE_INFLIGHT_MAX,
    queueMessagesMax: 1_000_000_000,
    queueBytesMax: '64GiB',
    retry: { capSeconds: 1 },
    topics: [{ filter }],
  }));
  return withSettings(subject, () => ['--set', `bridges=${JSON.stringify(listed)}`]);
}

/** Debian's Mosquitto that keeps what is queued, with bridges of its own. */
export function mosquittoBridging(program: string, bridges: readonly BridgedTopics[]): Subject {
  return {
    name: 'Mosquitto',
    command: ({ port, directory }) => {
      const settings = mosquittoSettings(port).map((line) =>
        line.replace('persistence false', 'persistence true').replace('max_inflight_messages 0', `max_inflight_messages ${BRIDGE_INFLIGHT_MAX}`),
      );
      const connections = bridges.flatMap(({ name, port: remote, filter }) => [
        `connection ${name}`,
        `address 127.0.0.1:${remote}`,
        `topic ${filter} out 1`,
        'cleansession false',
        'restart_timeout 1',
        'try_private false',
      ]);
      return mosquittoCommand(program, directory, [...settings, `persistence_location ${directory}/`, 'user root', ...connections]);
    },
  };
}

/** One key for all servers: ECDSA over P-256. */
function identityFiles(directory: string): { readonly certFile: string; readonly keyFile: string } {
  const files = { certFile: join(directory, 'server.pem'), keyFile: join(directory, 'server.key') };
  writeFileSync(files.certFile, SERVER_IDENTITY.cert);
  writeFileSync(files.keyFile, SERVER_IDENTITY.key);
  return files;
}

/** Debian's Mosquitto for routing: nothing is stored, nothing is dropped, Nagle's algorithm does not delay it. */
export function mosquitto(program: string): Subject {
  return {
    name: 'Mosquitto',
    command: ({ port, directory }) => mosquittoCommand(program, directory, mosquittoSettings(port)),
  };
}

/** Debian's Mosquitto that keeps what is queued in a file, written when it was started to and at its end. */
export function mosquittoPersistent(program: string): Subject {
  return {
    name: 'Mosquitto',
    command: ({ port, directory }) => {
      const settings = mosquittoSettings(port).map((line) => (line === 'persistence false' ? 'persistence true' : line));
      return mosquittoCommand(program, directory, [...settings, `persistence_location ${directory}/`, 'user root']);
    },
  };
}

/** Debian's Mosquitto with its listener behind TLS 1.3. */
export function mosquittoTls(program: string): Subject {
  return {
    name: 'Mosquitto',
    command: ({ port, directory }) => {
      const { certFile, keyFile } = identityFiles(directory);
      const tls = [`certfile ${certFile}`, `keyfile ${keyFile}`, 'tls_version tlsv1.3', 'user root']; // root: its files are the bench's
      return mosquittoCommand(program, directory, [...mosquittoSettings(port), ...tls]);
    },
  };
}

function mosquittoCommand(program: string, directory: string, settings: readonly string[]): Command {
  const configuration = join(directory, 'mosquitto.conf');
  writeFileSync(configuration, `${settings.join('\n')}\n`);
  return { program, args: ['-c', configuration] };
}

function mosquittoSettings(port: number): string[] {
  return [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence false',
    'set_tcp_nodelay true',
    'max_inflight_messages 0', // 0: no limit, here and below
    'max_queued_messages 0',
    'max_queued_bytes 0',
  ];
}

/** Another server in Postern's place. The command line is split at blanks; it goes through no shell, so that its process can be measured. */
export function standIn(commandLine: string): Subject {
  const fill = ({ port, directory }: Place): string[] =>
    commandLine
      .trim()
      .split(/\s+/)
      .map((word) => word.replaceAll('{port}', `${port}`).replaceAll('{dir}', directory));
  return {
    name: 'Subject',
    command: (place) => {
      const [program = '', ...args] = fill(place);
      return { program, args };
    },
  };
}
