/**
 * How Node.js runs a gateway (docs/decisions/0034-idle-memory.md); systemd/postern.service says the same. V8 lets the young generation grow to 32 MiB and keeps
 * it: for 1,000 to 6,000 idle connections that is 15 KiB each instead of 9, under load 240 MB instead of 140, and nothing gets faster by it. `--expose-gc` lets
 * a gateway that has started give back what only starting needed.
 */
export const RUNTIME_OPTIONS = ['--max-semi-space-size=8', '--expose-gc'] as const;
