// What a dialer tells, in the words of a bridge.
import type { GatewayError } from '../../model/errors.ts';
import { DialError } from '../../transport/dial-error.ts';
import type { DialStage } from '../../transport/transport.ts';
import type { FailureKind, LinkFailure } from '../link-state.ts';

export const FAILURE_OF: Readonly<Record<DialStage, FailureKind>> = {
  resolve: 'unresolved',
  connect: 'unreachable',
  secure: 'tls-failed',
  upgrade: 'upgrade-refused',
};

/** For an attempt that came to nothing. */
export function dialFailure(error: GatewayError): LinkFailure {
  if (error instanceof DialError) return { kind: FAILURE_OF[error.stage], reason: error.reason };
  return { kind: error.code === 'CONFIG_INVALID' ? 'unusable' : 'unreachable', reason: error.message };
}
