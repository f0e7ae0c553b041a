// The servers that are measured, and how each is started.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place, Subject } from './server.ts';

/** Postern as compiled JavaScript, on its defaults but for what a load of this size needs. */
export function postern(program: string): Subject {
  return {
    name: 'Postern',
    command: ({ port, directory }) => ({
      program: process.execPath,
      args: [program, 'start', '--data', join(directory, 'data'), ...posternSettings(port).flatMap((setting) => ['--set', setting])],
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

/** Debian's Mosquitto for routing: nothing is stored, nothing is dropped, Nagle's algorithm does not delay it. */
export function mosquitto(program: string): Subject {
  return {
    name: 'Mosquitto',
    command: ({ port, directory }) => {
      const configuration = join(directory, 'mosquitto.conf');
      writeFileSync(configuration, mosquittoConfiguration(port));
      return { program, args: ['-c', configuration] };
    },
  };
}

function mosquittoConfiguration(port: number): string {
  const settings = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence false',
    'set_tcp_nodelay true',
    'max_inflight_messages 0', // 0: no limit, here and below
    'max_queued_messages 0',
    'max_queued_bytes 0',
  ];
  return `${settings.join('\n')}\n`;
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
