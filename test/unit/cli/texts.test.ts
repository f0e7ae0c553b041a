import { describe, expect, test } from 'vitest';
import { EXIT_OF } from '../../../src/cli/exit-codes.ts';
import { greeting } from '../../../src/cli/greeting.ts';
import { queuesText } from '../../../src/cli/queues.ts';
import { statusText } from '../../../src/cli/status-text.ts';
import { configWith } from '../config/config-file.ts';

describe('the greeting', () => {
  const config = configWith({ data: '/srv/it is here' });
  const greet = (...addresses: { name: string; address: string }[]) => greeting({ version: '1.2.3', config, addresses, program: 'npm start --' });

  test('where it listens, where its data is, three commands', () => {
    expect(greet({ name: 'mqtt.tcp', address: '127.0.0.1:1883' }, { name: 'mqttSn.udp', address: '127.0.0.1:1884' })).toBe(`Postern 1.2.3 is running.
  mqtt.tcp    127.0.0.1:1883
  mqttSn.udp  127.0.0.1:1884
  data        /srv/it is here

Try in another terminal:
  mosquitto_sub -h 127.0.0.1 -p 1883 -t 'sensors/#' -v
  mosquitto_pub -h 127.0.0.1 -p 1883 -t sensors/greenhouse -m 21.5 -q 1
  npm start -- status --data '/srv/it is here'

`);
  });

  test.each([
    ['0.0.0.0:1883', '-h 127.0.0.1 -p 1883'],
    ['[::]:1884', '-h ::1 -p 1884'],
    ['[fe80::1]:1', '-h fe80::1 -p 1'],
    ['192.0.2.7:1883', '-h 192.0.2.7 -p 1883'],
  ])('%s is reached by %s', (address, options) => {
    expect(greet({ name: 'mqtt.tcp', address })).toContain(`mosquitto_sub ${options} `);
  });

  test('without MQTT there is nothing for its clients to try', () => {
    expect(greet({ name: 'mqttSn.udp', address: '127.0.0.1:1884' })).not.toContain('mosquitto');
  });
});

test('a status for people', () => {
  const status = {
    state: 'running',
    uptimeSeconds: 93_784,
    memoryBytes: 73_400_320,
    isClean: true,
    listeners: [{ name: 'mqtt.tcp', address: '127.0.0.1:1883' }],
    bridges: [],
    store: { boot: 3, logBytes: 512, nothing: null },
  };
  expect(statusText(status)).toBe(`state          running
uptimeSeconds  1 d 2 h
memoryBytes    70.0 MiB
isClean        yes
listeners
  name mqtt.tcp, address 127.0.0.1:1883
bridges        none
store
  boot      3
  logBytes  512 B
  nothing   null
`);
});

test.each([
  [0, '0 s'],
  [59, '59 s'],
  [61, '1 min 1 s'],
  [3_600, '1 h'],
  [90_061, '1 d 1 h'],
])('%d seconds are %s', (uptimeSeconds, text) => {
  expect(statusText({ uptimeSeconds })).toBe(`uptimeSeconds  ${text}\n`);
});

test('every failure ends with a code of sysexits(3)', () => {
  expect(Object.values(EXIT_OF).every((code) => code >= 64 && code <= 78)).toBe(true);
});

describe('the list of queues', () => {
  const queue = { realm: 'mqtt', clientId: 'panel-1', isConnected: false, messages: 2, bytes: 2_048, messagesInMemory: 0, inflight: 0, dropped: {} };

  test.each([
    ['nothing', { queues: [], further: 0 }, 'no queue holds or dropped a message\n'],
    ['one that waits', { queues: [queue], further: 0 }, 'mqtt panel-1  away  2 stored (2.0 KiB)\n'],
    [
      'one that dropped, and more',
      { queues: [{ ...queue, isConnected: true, messagesInMemory: 3, inflight: 1, dropped: { 'queue-full': 5, superseded: 7 } }], further: 4 },
      'mqtt panel-1  connected  2 stored (2.0 KiB)  3 in memory  1 in flight  dropped: queue-full 5, superseded 7\nand 4 more\n',
    ],
    [
      'a bridge with policies',
      {
        queues: [
          {
            ...queue,
            realm: 'bridge:centre',
            clientId: 'bridge:centre',
            lost: { 'quota-messages': 4 },
            policies: [
              { filters: ['samples/#', 'log/#'], whenFull: 'drop-oldest', keepLatest: false, messagesMax: 100, bytesMax: 1_048_576, messages: 2, bytes: 2_048 },
              { filters: ['alarm/#'], whenFull: 'refuse', keepLatest: false, messages: 0, bytes: 0 },
            ],
          },
        ],
        further: 0,
      },
      'bridge:centre bridge:centre  away  2 stored (2.0 KiB)  lost since it began: quota-messages 4\n' +
        '  samples/# log/#  drop-oldest  2 of 100 stored (2.0 KiB of 1.0 MiB)\n  alarm/#  refuse  0 stored (0 B)\n',
    ],
    ['a client that would write on the terminal', { queues: [{ ...queue, clientId: 'a\u001b[2J' }], further: 0 }, expect.not.stringContaining('\u001b')],
  ])('%s', (_, listing, text) => {
    expect(queuesText(listing)).toEqual(text);
  });

  test('of a client nobody knows says so', () => {
    expect(queuesText({ queues: [], further: 0 }, 'panel-9')).toBe('there is no session of panel-9\n');
  });
});
