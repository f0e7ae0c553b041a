import { describe, expect, test } from 'vitest';
import { ServiceManager } from '../../../src/cli/service-manager.ts';
import { type Log, silentLog } from '../../../src/model/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const PID = 42;

function serviceManager(environment: Readonly<Record<string, string>>, execute?: () => Promise<void>) {
  const clock = new FakeClock();
  const sent: string[] = [];
  const said: string[] = [];
  const note = (event: string) => void said.push(event);
  const log: Log = { ...silentLog, warn: note, error: note };
  const run = async (program: string, args: readonly string[]) => {
    await execute?.();
    sent.push([program, ...args].join(' '));
  };
  return { clock, sent, said, manager: new ServiceManager({ environment, pid: PID, clock, log, execute: run }) };
}

const SYSTEMD = { NOTIFY_SOCKET: '/run/systemd/notify' };

describe('sd_notify(3)', () => {
  test('ready, reloading, stopping', async () => {
    const { manager, sent } = serviceManager(SYSTEMD);
    await Promise.all([manager.ready('Running'), manager.reloading(), manager.ready('Running'), manager.stopping()]);
    expect(sent).toEqual([
      'systemd-notify READY=1 STATUS=Running',
      'systemd-notify RELOADING=1',
      'systemd-notify READY=1 STATUS=Running',
      'systemd-notify STOPPING=1 STATUS=Saying goodbye',
    ]);
  });

  test('one notification waits for the one before', async () => {
    const first = Promise.withResolvers<void>();
    const waits = [first.promise, Promise.resolve()];
    const { manager, sent } = serviceManager(SYSTEMD, () => waits.shift() ?? Promise.resolve());
    const both = Promise.all([manager.reloading(), manager.stopping()]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toEqual([]);
    first.resolve();
    await both;
    expect(sent.map((line) => line.split(' ')[1])).toEqual(['RELOADING=1', 'STOPPING=1']);
  });

  test('outside of systemd nothing is run', async () => {
    const { manager, sent } = serviceManager({ WATCHDOG_USEC: '1000000' });
    await manager.ready('Running');
    manager.watch(() => true);
    expect(sent).toEqual([]);
  });

  test('without systemd-notify the gateway works on and says so once', async () => {
    const { manager, said } = serviceManager(SYSTEMD, () => Promise.reject(new TypeError('spawn systemd-notify ENOENT')));
    await manager.ready('Running');
    await manager.stopping();
    expect(said).toEqual(['systemd was not told']);
  });
});

describe('the watchdog, sd_watchdog_enabled(3)', () => {
  const WATCHED = { ...SYSTEMD, WATCHDOG_USEC: '20000000' };
  const PET = 'systemd-notify WATCHDOG=1';

  test('is petted at half its period', async () => {
    const { manager, clock, sent } = serviceManager(WATCHED);
    manager.watch(() => true);
    await clock.advanceMs(9_999);
    expect(sent).toEqual([PET]);
    await clock.advanceMs(1);
    expect(sent).toEqual([PET, PET]);
    await clock.advanceMs(10_000);
    expect(sent).toEqual([PET, PET, PET]);
  });

  test('is not petted while messages cannot be made durable', async () => {
    const { manager, clock, sent, said } = serviceManager(WATCHED);
    let isHealthy = false;
    manager.watch(() => isHealthy);
    await clock.advanceMs(10_000);
    expect(sent).toEqual([]);
    expect(said).toHaveLength(2);
    isHealthy = true;
    await clock.advanceMs(10_000);
    expect(sent).toEqual([PET]);
  });

  test('is left alone once cancelled', async () => {
    const { manager, clock, sent } = serviceManager(WATCHED);
    manager.watch(() => true)();
    await clock.advanceMs(60_000);
    expect(sent).toEqual([PET]);
  });

  test.each([
    ['no watchdog', SYSTEMD, 0],
    ['of this process', { ...WATCHED, WATCHDOG_PID: String(PID) }, 1],
    ['of another process', { ...WATCHED, WATCHDOG_PID: '43' }, 0],
    ['nonsense', { ...SYSTEMD, WATCHDOG_USEC: 'soon' }, 0],
  ])('%s', async (_, environment, pets) => {
    const { manager, clock, sent } = serviceManager(environment);
    manager.watch(() => true);
    await clock.advanceMs(0);
    expect(sent).toHaveLength(pets);
  });
});
