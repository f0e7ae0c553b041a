// Loaded before src/main.ts (`node --import`), takes the place of src/runtime.ts: the process can be tested with gateways that misbehave.
import { registerHooks } from 'node:module';
import type { StartGateway } from '../../src/control/running-gateway.ts';
import { GatewayError } from '../../src/model/errors.ts';

/** What the gateway does, in FAKE_GATEWAY. */
export type Behaviour =
  | 'works'
  | 'port-in-use'
  | 'bug-at-start'
  | 'throws-later'
  | 'rejects-later'
  | 'never-stops'
  | 'starts-slowly'
  | 'unhealthy'
  | 'tells-collections';

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    specifier === '../runtime.ts' ? { url: import.meta.url, shortCircuit: true } : nextResolve(specifier, context),
});

/** @public The program imports it where it would import that of src/runtime.ts. */
export const startGateway: StartGateway = async ({ config, log }) => {
  const behaviour = process.env['FAKE_GATEWAY'] as Behaviour | undefined;
  if (behaviour === 'port-in-use')
    throw new GatewayError('ADDRESS_UNAVAILABLE', 'port 1883 on 127.0.0.1 is in use by another program: stop it or set mqtt.tcp.bind');
  if (behaviour === 'bug-at-start') throw new TypeError('a bug');
  if (behaviour === 'tells-collections') globalThis.gc = async (options) => log.info('collected', { options: JSON.stringify(options) });
  const alive = setInterval(() => undefined, 60_000);
  if (behaviour === 'throws-later') setTimeout(() => JSON.parse('{'), 50);
  if (behaviour === 'rejects-later') setTimeout(() => void Promise.reject(new TypeError('nobody caught this')), 50);
  if (behaviour === 'starts-slowly') {
    log.info('starting slowly');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return {
    addresses: [{ name: 'mqtt.tcp', address: '0.0.0.0:1883' }],
    status: () => ({ receiveMax: config.mqtt.receiveMax, bridges: [] }),
    isHealthy: () => behaviour !== 'unhealthy',
    reload: (next) => ({ applied: ['access.rules'], needsRestart: next.mqtt.receiveMax === config.mqtt.receiveMax ? [] : ['mqtt.receiveMax'] }),
    bridges: { status: () => [], call() {}, rest() {}, test: async () => [] },
    bans: { list: () => [], add: () => 0, remove: () => false },
    backups: { start: () => undefined, progress: () => ({ state: 'none' }), finished: async () => undefined },
    queues: () => ({ queues: [], further: 0 }),
    queueBook: {
      peek: () => ({ entries: [], next: undefined }),
      purge: () => ({ purged: 0, inFlight: 0, next: undefined }),
      replay: () => ({ replayed: 0, next: undefined, upTo: 0 }),
      export: async () => ({ messages: [], next: undefined, upTo: 0, inFlight: 0, tooLarge: 0, queued: 0 }),
      removeExported: () => ({ removed: 0 }),
      import: async () => ({ imported: 0, known: 0, expired: 0, unmatched: 0, invalid: 0, full: undefined }),
    },
    stop: async () => {
      log.info('fake gateway says goodbye');
      if (behaviour === 'never-stops') await new Promise(() => undefined);
      clearInterval(alive);
    },
  };
};
