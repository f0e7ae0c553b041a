// A gateway on a large disk that may take little of it: `store.maxBytes` must hold while publishers ask for more.
import type { Clock } from '../../../src/model/clock.ts';
import { GatewayUnderTest } from '../e2e/gateway-under-test.ts';
import { freeTcpPort, HOST } from '../e2e/network.ts';
import type { CommitterName } from '../store/process.ts';
import { Flood } from './flood.ts';
import { Talker } from './talker.ts';

export interface BoundedOptions {
  readonly entry: readonly string[];
  readonly committer: CommitterName;
  readonly clock: Clock;
  /** For its data, configuration and log; empty. */
  readonly directory: string;
  readonly maxBytes: number;
}

export interface BoundedReport {
  readonly storeBytesMost: number;
  readonly acknowledged: number;
  readonly refusals: number;
  readonly evicted: number;
}

const REFUSALS = 5_000;
const MS_MAX = 60_000;

export async function runBounded({ maxBytes, committer, ...options }: BoundedOptions): Promise<BoundedReport> {
  const port = await freeTcpPort();
  const configuration = { mqtt: { tcp: { bind: `${HOST}:${port}` } }, mqttSn: { udp: { enabled: false } }, store: { maxBytes, committer, ballastBytes: 0 } };
  const gateway = new GatewayUnderTest({ ...options, name: 'gateway', configuration });
  await gateway.start();
  const away = new Talker(port, 'away');
  const publisher = new Talker(port, 'publisher', { clean: true });
  try {
    await away.connected();
    await away.subscribe('log/#');
    await away.end();
    await publisher.connected();
    const flood = new Flood(publisher, 'log/reading', 'log');
    let storeBytesMost = 0;
    let [refusals, evicted] = [0, 0];
    await flood.until(async () => {
      const { store, counters } = await gateway.status();
      storeBytesMost = Math.max(storeBytesMost, store.storeBytes);
      refusals = counters['messages.refused.quota-exceeded'] ?? 0;
      evicted = counters['messages.dropped.disk-full'] ?? 0;
      return refusals >= REFUSALS && evicted > 0;
    }, MS_MAX);
    return { storeBytesMost, acknowledged: flood.acknowledged.size, refusals, evicted };
  } finally {
    await publisher.end();
    await gateway.kill();
  }
}
