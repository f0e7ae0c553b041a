import { GatewayError } from '../model/errors.ts';

/** What a listener was asked to bind. `setting` is the configuration key that says so, e.g. `mqtt.tcp.bind`. */
export interface Binding {
  readonly setting: string;
  readonly host: string;
  readonly port: number;
  /** Unix socket; host and port mean nothing then. */
  readonly path?: string | undefined;
}

/** One sentence per cause, each with what to do about it. */
const ADVICE: Readonly<Record<string, (binding: Binding) => string>> = {
  EADDRINUSE: (at) => `${place(at)} is in use by another program: stop it or set ${at.setting}`,
  EACCES: (at) =>
    at.path === undefined
      ? `${place(at)} is not ours to use: ports below 1024 need CAP_NET_BIND_SERVICE; allow it or set ${at.setting}`
      : `${at.path} cannot be made: see that its directory exists and is ours to write, or set ${at.setting}`,
  EADDRNOTAVAIL: (at) => `${at.host} is not an address of this machine: set ${at.setting}`,
  ENOTFOUND: (at) => `${at.host} is not a known host name: set ${at.setting}`,
  EAFNOSUPPORT: (at) => `this machine does not speak the address family of ${at.host}: set ${at.setting}`,
};

/** The ADDRESS_UNAVAILABLE for what the kernel said to a bind. */
export function addressError(error: NodeJS.ErrnoException, binding: Binding): GatewayError {
  const advice = ADVICE[error.code ?? ''];
  const message = advice?.(binding) ?? `${place(binding)} cannot be listened on (${error.message}): set ${binding.setting}`;
  return new GatewayError('ADDRESS_UNAVAILABLE', message, { cause: error });
}

function place({ host, port, path }: Binding): string {
  return path ?? `port ${port} on ${host}`;
}
