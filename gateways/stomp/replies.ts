// What the gateway says to one client but messages: CONNECTED, RECEIPT, ERROR and heart-beats.
import type { Link } from '../../src/transport/transport.ts';
import { encodeFrame } from './encode.ts';
import type { HeartBeats } from './heart-beat.ts';
import { type Headers, type StompVersion, VERSIONS } from './packets.ts';

const SERVER = 'postern';
const HEART_BEAT = Buffer.from('\n');

export class Replies {
  readonly #link: Link;
  readonly #spoken: { readonly version: StompVersion };

  constructor(link: Link, spoken: { readonly version: StompVersion }) {
    this.#link = link;
    this.#spoken = spoken;
  }

  /** @param heartBeats - what the gateway can do and wants. */
  connected(session: string, { sendMs, receiveMs }: HeartBeats): void {
    const { version } = this.#spoken;
    const heartBeat: Headers = version === '1.0' ? [] : [['heart-beat', `${sendMs},${receiveMs}`]];
    this.#link.send(encodeFrame('CONNECTED', [['version', version], ['session', session], ['server', SERVER], ...heartBeat], { version }));
  }

  receipt(id: string): void {
    this.#link.send(encodeFrame('RECEIPT', [['receipt-id', id]], { version: this.#spoken.version }));
  }

  /** The caller closes behind it: STOMP 1.2 "ERROR". */
  error(message: string, receipt: string | undefined): void {
    const about: Headers = receipt === undefined ? [] : [['receipt-id', receipt]];
    this.#link.send(encodeFrame('ERROR', [['message', message], ...about], { version: this.#spoken.version, body: message }));
  }

  /** STOMP 1.2 "Protocol Negotiation". */
  noCommonVersion(): void {
    const supported = VERSIONS.toReversed().join(',');
    const body = `Supported protocol versions are ${supported}`;
    this.#link.send(
      encodeFrame(
        'ERROR',
        [
          ['version', supported],
          ['message', 'no common version'],
        ],
        { version: '1.2', body },
      ),
    );
  }

  heartBeat(): void {
    this.#link.send(HEART_BEAT);
  }
}
