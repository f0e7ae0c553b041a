import { expect, test } from 'vitest';
import { GatewayError } from '../../../src/model/errors.ts';
import { silentLog } from '../../../src/model/log.ts';
import { BridgeFleet } from '../../../src/runtime/bridge-fleet.ts';
import { GatewayOrigin } from '../../../src/runtime/gateway-origin.ts';
import { TurnWriter } from '../../../src/transport/turn-writer.ts';
import { TRANSIENT } from '../../support/bridged.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';
import { configWith } from '../config/config-file.ts';

/** Lazy ones: nothing is dialled. */
function bridge(name: string, more = ''): string {
  return `{name: ${name}, address: "centre.example:1883", start: lazy, lazyThreshold: 1000, topics: [{filter: "readings/#"}]${more}}`;
}

function listOf(...bridges: string[]) {
  return configWith({ yaml: `bridges: [${bridges.join(', ')}]` }).bridges;
}

function fleet() {
  const clock = new FakeClock();
  const core = startCore({ clock });
  const refused = new Set<string>();
  const subject = new BridgeFleet({
    clock,
    log: silentLog,
    metrics: core.metrics,
    writer: new TurnWriter(),
    origin: new GatewayOrigin({ store: core.store, clock }),
    contextFor: (name) => {
      if (refused.has(name)) throw new GatewayError('CONFIG_INVALID', `${name} cannot carry readings/#: denied`);
      return core.context(name);
    },
    retireAllBut: (names) => core.broker.retire((realm) => realm.startsWith('bridge:') && !names.has(realm)),
    diskBytes: () => 1_000_000,
    waitingFor: (name) => core.broker.waitingFor(`bridge:${name}`),
  });
  const reload = async (...bridges: string[]): Promise<void> => {
    subject.reload(listOf(...bridges));
    await subject.settled;
  };
  return { subject, core, refused, reload };
}

async function publish({ core }: ReturnType<typeof fleet>): Promise<void> {
  const local = new TestClient(core.context('mqtt'));
  await local.connect(requestOf('local', TRANSIENT));
  local.publish('readings/a', 'x', { qos: 1 });
  await settled();
}

const states = ({ subject }: ReturnType<typeof fleet>) => subject.status().map(({ name, state, reason }) => [name, state, reason]);

test('a bridge that cannot be started stays in the list with the reason, goes on collecting, and starts with the next reload', async () => {
  const made = fleet();
  await made.subject.start(listOf(bridge('moves'), bridge('stays')));
  made.refused.add('bridge:moves');
  await made.reload(bridge('moves', ', keepAliveSeconds: 30'), bridge('stays'));
  expect(states(made)).toEqual([
    ['moves', 'unusable', 'bridge:moves cannot carry readings/#: denied'],
    ['stays', 'idle', undefined],
  ]);
  await publish(made);
  expect(made.subject.status().map(({ queuedMessages }) => queuedMessages)).toEqual([1, 1]);
  expect(() => made.subject.call('moves')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  made.refused.clear();
  await made.reload(bridge('moves', ', keepAliveSeconds: 30'), bridge('stays'));
  expect(states(made).map(([, state]) => state)).toEqual(['idle', 'idle']);
  expect(made.subject.status().map(({ queuedMessages }) => queuedMessages)).toEqual([1, 1]);
});

test('what is asked of a bridge that there is not says so', async () => {
  const { subject } = fleet();
  for (const ask of [() => subject.call('nobody'), () => subject.rest('nobody'), () => subject.test('nobody')])
    expect(ask).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
});

test('a bridge stopped by hand stays so over a reload that does not change it', async () => {
  const made = fleet();
  await made.subject.start(listOf(bridge('rests'), bridge('changes')));
  made.subject.rest('rests');
  made.subject.rest('changes');
  await made.reload(bridge('rests'), bridge('changes', ', keepAliveSeconds: 30'));
  expect(states(made).map(([name, state]) => [name, state])).toEqual([
    ['rests', 'stopped'],
    ['changes', 'idle'],
  ]);
});
