import { expect, test } from 'vitest';
import { bridgeCommands } from '../../../src/control/bridge-commands.ts';
import type { BridgeDesk } from '../../../src/control/running-gateway.ts';

/** Remembers what it is told. */
class Desk implements BridgeDesk {
  readonly calls: string[] = [];

  status(): readonly object[] {
    return [{ name: 'central', state: 'connected' }];
  }

  call(name: string): void {
    this.calls.push(`call ${name}`);
  }

  rest(name: string): void {
    this.calls.push(`rest ${name}`);
  }

  async test(name: string) {
    this.calls.push(`test ${name}`);
    return [{ address: 'broker.example.org:8883', passed: ['tcp'], failure: 'tls-failed', reason: 'its certificate has expired' }];
  }
}

test('bridges are listed, started, stopped and tested by their names', async () => {
  const desk = new Desk();
  const commands = bridgeCommands(() => desk);
  expect(await commands['bridge.list']?.run({})).toEqual(desk.status());
  for (const command of ['bridge.start', 'bridge.stop']) expect(await commands[command]?.run({ name: 'central' })).toBeNull();
  expect(await commands['bridge.test']?.run({ name: 'central' })).toMatchObject([{ failure: 'tls-failed' }]);
  expect(desk.calls).toEqual(['call central', 'rest central', 'test central']);
});

test.each([[undefined], [''], [7], ['x'.repeat(65)]])('the name %j is refused', (name) => {
  expect(() => bridgeCommands(() => new Desk())['bridge.stop']?.run({ name })).toThrow('"name" must be a text of 1 to 64 bytes');
});
