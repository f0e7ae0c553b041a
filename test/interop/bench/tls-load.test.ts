// The load over TLS counts what arrives, and what does not.
import { afterEach, describe, expect, test } from 'vitest';
import { figure } from '../../../scripts/bench/generator.ts';
import { allowedCores } from '../../../scripts/bench/proc.ts';
import type { Server } from '../../../scripts/bench/server.ts';
import { tlsGenerator } from '../../../scripts/bench/tls-load.ts';
import { SERVER_IDENTITY } from '../../support/certificates.ts';
import { type Faults, ScriptedServer } from './scripted-server.ts';

describe('the load over TLS', () => {
  const generator = tlsGenerator(allowedCores().at(-1) ?? 0);
  const brief = { warmup: 0.2, seconds: 0.5 };
  let scripted: ScriptedServer | undefined;
  afterEach(() => scripted?.stop());

  async function started(faults: Faults = {}): Promise<Server> {
    scripted = new ScriptedServer(faults, SERVER_IDENTITY);
    const nothing = async (): Promise<void> => undefined;
    return { name: 'scripted', pid: process.pid, port: await scripted.start(), stop: nothing, ended: nothing };
  }

  test('pairs at QoS 1: everything arrives', async () => {
    const figures = await generator.run(await started(), { mode: 'p2p', pairs: 3, ...brief });
    expect(figure(figures, 'delivered_per_s')).toBeGreaterThan(0);
    expect(figure(figures, 'server_cpu_us_per_message')).toBeGreaterThan(0);
    expect(figure(figures, 'lost')).toBe(0);
  });

  test('messages that never arrive are lost', async () => {
    const figures = await generator.run(await started({ forgets: (index) => index === 5 || index === 7 }), { mode: 'p2p', pairs: 3, ...brief });
    expect(figure(figures, 'lost')).toBe(2);
  });

  test('handshakes are counted', async () => {
    const figures = await generator.run(await started(), { mode: 'handshakes', ...brief });
    expect(figure(figures, 'handshakes')).toBeGreaterThan(0);
    expect(figure(figures, 'handshakes_per_cpu_s')).toBeGreaterThan(0);
  });
});
