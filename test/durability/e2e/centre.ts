import { type GatewayOptions, GatewayUnderTest } from './gateway-under-test.ts';
import { HOST } from './network.ts';

/** The broker the bridge carries to. */
export interface Centre {
  readonly name: string;
  readonly port: number;
  start(): Promise<void>;
  /** Takes it away in the roughest way it has to survive. */
  bringDown(): Promise<void>;
  /** In good order. */
  stop(): Promise<void>;
}

/** A second Postern, which is killed like the first. */
export class PosternCentre implements Centre {
  readonly name = 'postern';
  readonly port: number;
  readonly #gateway: GatewayUnderTest;

  constructor({ port, ...options }: Omit<GatewayOptions, 'name' | 'configuration'> & { readonly port: number }) {
    this.port = port;
    const configuration = { mqtt: { tcp: { bind: `${HOST}:${port}` } }, mqttSn: { udp: { enabled: false } } };
    this.#gateway = new GatewayUnderTest({ ...options, name: 'centre', configuration });
  }

  start(): Promise<void> {
    return this.#gateway.start();
  }

  bringDown(): Promise<void> {
    return this.#gateway.kill();
  }

  stop(): Promise<void> {
    return this.#gateway.stop();
  }
}
