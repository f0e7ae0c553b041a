import { expect, test } from 'vitest';
import { bridgesText, isAllWell, trialsText } from '../../../src/cli/bridge-text.ts';

test('a list of bridges for people', () => {
  const connected = { name: 'central', state: 'connected', address: 'broker:8883', isConnected: true, sinceSeconds: 7_200, queuedMessages: 0, deadLetters: 2 };
  const failing = {
    retrySeconds: 12,
    lastFailure: 'tls-failed',
    reason: 'its certificate\u001b has expired',
    failedSeconds: 3,
    queuedMessages: 17,
    deadLetters: 0,
  };
  expect(
    bridgesText([connected, { name: 'other', state: 'waiting', address: 'far:1', sinceSeconds: 3, ...failing }]),
  ).toBe(`central  connected for 2 h  broker:8883  0 messages wait, 2 dead letters
other  waiting for 3 s  far:1  next attempt in 12 s  17 messages wait, 0 dead letters
  tls-failed, 3 s ago: its certificate\\u{1b} has expired
`);
  expect(bridgesText([])).toBe('no bridge is configured\n');
});

test('what a test found, address by address', () => {
  const trials = [
    { address: 'broker:8883', passed: ['resolve', 'tcp'], failure: 'tls-failed', reason: 'its certificate is for another name' },
    { address: '192.0.2.7:1883', passed: ['tcp', 'mqtt'] },
  ];
  expect(trialsText(trials)).toBe(`broker:8883
  resolve    the name is known
  tcp        something listens there
  tls-failed: its certificate is for another name
192.0.2.7:1883
  tcp        something listens there
  mqtt       the broker lets us in
`);
  expect([isAllWell(trials), isAllWell(trials.slice(1))]).toEqual([false, true]);
});
