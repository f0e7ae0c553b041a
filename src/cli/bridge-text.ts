// What `postern bridge` says to people.
import { harmless } from '../observe/text-line.ts';
import { duration } from './status-text.ts';

/** @param bridges - as they came from the control socket. */
export function bridgesText(bridges: unknown): string {
  const lines = Array.from<unknown>(Object(bridges)).map((bridge) => bridgeText(Object(bridge)));
  return lines.length === 0 ? 'no bridge is configured\n' : lines.join('');
}

function bridgeText({ name, state, address, sinceSeconds, ...more }: Readonly<Record<string, unknown>>): string {
  const parts = [`${name}  ${state} for ${duration(Number(sinceSeconds ?? 0))}  ${address}`];
  if (more['retrySeconds'] !== undefined) parts.push(`  next attempt in ${duration(Number(more['retrySeconds']))}`);
  parts.push(`  ${more['queuedMessages']} messages wait, ${more['deadLetters']} dead letters\n`);
  if (more['lastFailure'] !== undefined) {
    const at = more['failedAddress'] === undefined || more['failedAddress'] === address ? '' : ` at ${more['failedAddress']}`;
    const ago = more['failedSeconds'] === undefined ? '' : `, ${duration(Number(more['failedSeconds']))} ago`;
    parts.push(`  ${more['lastFailure']}${at}${ago}: ${harmless(String(more['reason']))}\n`);
  }
  return parts.join('');
}

/** @param trials - as they came from the control socket. */
export function trialsText(trials: unknown): string {
  return trialsOf(trials).map(trialText).join('');
}

/** Whether every address would have the bridge. */
export function isAllWell(trials: unknown): boolean {
  return trialsOf(trials).every(({ failure }) => failure === undefined);
}

function trialsOf(trials: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.from<unknown>(Object(trials)).map((trial) => Object(trial));
}

/** What each step that is passed shows. */
const PASSED: Readonly<Record<string, string>> = {
  resolve: 'the name is known',
  tcp: 'something listens there',
  tls: 'both ends agree on it',
  websocket: 'it is a WebSocket with MQTT on it',
  mqtt: 'the broker lets us in',
};

function trialText({ address, passed, failure, reason }: Readonly<Record<string, unknown>>): string {
  const steps = Array.from<unknown>(Object(passed)).map((step) => `  ${String(step).padEnd(10)} ${PASSED[String(step)] ?? 'passed'}\n`);
  const end = failure === undefined ? '' : `  ${failure}: ${harmless(String(reason))}\n`;
  return `${address}\n${steps.join('')}${end}`;
}
