// What Debian's Mosquitto clients and MQTT.js say over MQTT 3.1, 3.1.1 and 5.0, recorded in front of a broker.
import { readFileSync } from 'node:fs';
import type { Recording } from './mqtt-mutations.ts';

interface Stored {
  readonly client: string;
  readonly version: number;
  readonly packets: readonly string[];
}

export function recordings(): readonly Recording[] {
  const stored: readonly Stored[] = JSON.parse(readFileSync(new URL('recordings.json', import.meta.url), 'utf8'));
  return stored.map(({ packets, ...recording }) => ({ ...recording, packets: packets.map((packet) => Buffer.from(packet, 'hex')) }));
}
