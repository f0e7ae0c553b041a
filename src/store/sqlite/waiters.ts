import type { DurableWaiter } from '../../session/session-store.ts';

/** Who waits for something, and what each calls it, in the order of asking. */
export interface Waiters {
  readonly waiters: DurableWaiter[];
  readonly tokens: number[];
}

export function noWaiters(): Waiters {
  return { waiters: [], tokens: [] };
}

export function push(list: Waiters, waiter: DurableWaiter, token: number): void {
  list.waiters.push(waiter);
  list.tokens.push(token);
}

export function pushAll(list: Waiters, { waiters, tokens }: Waiters): void {
  for (let index = 0; index < waiters.length; index += 1) push(list, waiters[index] as DurableWaiter, tokens[index] as number);
}

export function tell({ waiters, tokens }: Waiters): void {
  for (let index = 0; index < waiters.length; index += 1) waiters[index]?.durable(tokens[index] as number);
}
