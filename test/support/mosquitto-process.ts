// Debian's broker as a process of its own, on loopback and a free port, for one test.
import { onTestFinished } from 'vitest';
import { MosquittoCentre } from '../durability/e2e/mosquitto.ts';
import { freeTcpPort } from '../durability/e2e/network.ts';
import { peer } from './peers.ts';
import { temporaryDirectory } from './postern-process.ts';

/** @param lines - of mosquitto.conf, after the listener. Stopped when the test ends. */
export async function startMosquitto(lines: readonly string[] = []): Promise<MosquittoCentre> {
  const broker = new MosquittoCentre({ program: peer('mosquitto'), port: await freeTcpPort(), directory: temporaryDirectory(), lines });
  onTestFinished(() => broker.stop());
  await broker.start();
  return broker;
}
