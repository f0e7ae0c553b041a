import type { Socket } from 'node:net';
import type { Counter } from '../model/metrics.ts';
import type { OutBuffer } from '../wire/out-buffer.ts';
import type { Framing } from './socket-link.ts';
import { binaryFrame, CLOSE_STATUS, closeFrame, FRAME_HEADER_BYTES_MAX, FrameDecoder, pongFrame } from './websocket-frames.ts';

interface FramingOptions {
  /** Of one frame. */
  readonly payloadBytesMax: number;
  /** Peers that broke the rules of WebSocket. */
  readonly violations: Counter;
  /** Of our side; those of a server when absent. */
  readonly frames?: FrameMaker;
}

/** How the frames of our side are made. */
export interface FrameMaker {
  readonly sender: 'client' | 'server';
  readonly headroom: number;
  seal(buffer: OutBuffer): Buffer;
  /** @param frame - a control frame as a server sends it. */
  control(frame: Buffer): Buffer;
}

const SERVER_FRAMES: FrameMaker = { sender: 'server', headroom: FRAME_HEADER_BYTES_MAX, seal: binaryFrame, control: (frame) => frame };

/** The frames on one socket: a turn's output is one binary frame, what comes in loses its frames wherever they begin and end (MQTT-6.0.0-2). */
export class WebSocketFraming implements Framing {
  readonly headroom: number;
  readonly #frames: FrameMaker;
  readonly #socket: Socket;
  readonly #violations: Counter;
  readonly #decoder: FrameDecoder;
  /** The ping to answer next, while the last answer is under way. */
  #ping: Buffer | undefined;
  #isAnswering = false;

  constructor(socket: Socket, { payloadBytesMax, violations, frames = SERVER_FRAMES }: FramingOptions) {
    this.headroom = frames.headroom;
    this.#frames = frames;
    this.#socket = socket;
    this.#violations = violations;
    this.#decoder = new FrameDecoder(payloadBytesMax, (payload) => this.#pinged(payload), frames.sender === 'server' ? 'client' : 'server');
  }

  get end(): { readonly violation: string | undefined } | undefined {
    const { end } = this.#decoder;
    return end && { violation: end.kind === 'violation' ? `broke the rules of WebSocket: ${end.reason}` : undefined };
  }

  seal(buffer: OutBuffer): Buffer {
    return this.#frames.seal(buffer);
  }

  open(bytes: Buffer): Buffer {
    const payload = this.#decoder.decode(bytes);
    if (this.#decoder.end?.kind === 'violation') this.#violations.value += 1;
    return payload;
  }

  /** A close frame with the status of the peer, of its fault, or of a normal end (RFC 6455 §5.5.1). */
  farewell(): Buffer {
    const { end } = this.#decoder;
    return this.#frames.control(closeFrame(end === undefined ? CLOSE_STATUS.normal : end.status));
  }

  /** Who pings without taking the answers gets one to the latest (RFC 6455 §5.5.3): they must not pile up. */
  #pinged(payload: Buffer): void {
    this.#ping = payload;
    if (!this.#isAnswering) this.#answer();
  }

  #answer(): void {
    const payload = this.#ping;
    this.#ping = undefined;
    this.#isAnswering = payload !== undefined;
    if (payload !== undefined && this.#socket.writable) this.#socket.write(this.#frames.control(pongFrame(payload)), (error) => error ?? this.#answer());
  }
}
