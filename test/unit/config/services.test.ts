import { describe, expect, test } from 'vitest';
import { brokerSettings } from '../../../src/runtime/broker-settings.ts';
import { configWith, linesOf, loadWith } from './config-file.ts';

const YAML = `
topicRewrite:
  rules:
    - { source: "old/#", pattern: "^old/(.+)$", destination: "new/\${clientid}/$1" }
autoSubscribe:
  topics:
    - { filter: "cmd/\${clientid}", qos: 1, retainHandling: new, protocol: mqtt-sn }
retained: { payloadBytesMax: 64KiB, expirySeconds: 3600 }
delayed: { messagesMax: 10 }
sys: { presence: true }
slowConsumer: { afterSeconds: 5, disconnect: true }
`;

describe('broker services', () => {
  test('are off, or as other brokers have them, unless they are configured', () => {
    const { rewrite, autoSubscribe, presenceNode, slowConsumer, retainedLimits } = brokerSettings(configWith({}));
    expect({ rewrite, autoSubscribe, presenceNode, slowConsumer }).toEqual({
      rewrite: [],
      autoSubscribe: [],
      presenceNode: undefined,
      slowConsumer: { afterSeconds: 60, isDisconnected: false },
    });
    expect(retainedLimits).toMatchObject({ payloadBytesMax: 2_000_000, expirySeconds: Number.POSITIVE_INFINITY });
  });

  test('as they are written', () => {
    expect(brokerSettings(configWith({ yaml: YAML }))).toMatchObject({
      rewrite: [{ action: 'all', source: 'old/#', pattern: '^old/(.+)$', destination: 'new/${clientid}/$1' }],
      autoSubscribe: [{ filter: 'cmd/${clientid}', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 1, protocol: 'mqtt-sn' }],
      retainedLimits: { payloadBytesMax: 65_536, expirySeconds: 3_600 },
      delayedLimits: { messagesMax: 10 },
      presenceNode: 'postern@board',
      slowConsumer: { afterSeconds: 5, isDisconnected: true },
    });
  });

  test('a pattern that could take long is told with what is wrong', () => {
    const yaml = 'topicRewrite: {rules: [{source: "a/#", pattern: "^(.+)+$", destination: b}]}';
    expect(linesOf(loadWith({ yaml }))).toEqual([
      expect.stringMatching(/1:\d+: topicRewrite\.rules\[0\]\.pattern must be a regular expression: a group of the pattern must not be repeated/),
    ]);
  });
});
