import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 5;

/** @returns whether it became true in time. */
export async function eventually(isTrue: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Resolves with the work, or without it when it takes longer; the work goes on. */
export async function atMost(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const rest = delay(timeoutMs, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([work, rest]);
  patience.abort();
}
