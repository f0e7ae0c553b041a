// Frames as a client writes them (RFC 6455 §5.2), right or wrong.
export interface ClientFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  readonly isFinal?: boolean;
  /** RSV1 to RSV3, as the upper bits of the first byte. */
  readonly reserved?: number;
  /** Undefined: the frame is not masked. */
  readonly mask?: number | undefined;
  /** How the length is written; the shortest way when absent. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** Announced instead of the true one. */
  readonly length?: bigint;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export function clientFrame(frame: ClientFrame): Buffer {
  const { opcode, payload = Buffer.alloc(0), isFinal = true, reserved = 0 } = frame;
  const mask = 'mask' in frame ? frame.mask : 0x37fa213d;
  const length = frame.length ?? BigInt(payload.length);
  const lengthBytes = frame.lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const short = lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127;
  const extended = Buffer.from(lengthBytes === 0 ? '' : length.toString(16).padStart(2 * lengthBytes, '0'), 'hex');
  const first = Buffer.from([(isFinal ? 0x80 : 0) | reserved | opcode, (mask === undefined ? 0 : 0x80) | short]);
  if (mask === undefined) return Buffer.concat([first, extended, payload]);
  const maskBytes = Buffer.alloc(4);
  maskBytes.writeUInt32BE(mask);
  const masked = Uint8Array.from(payload, (byte, index) => byte ^ (maskBytes[index % 4] ?? 0));
  return Buffer.concat([first, extended, maskBytes, masked]);
}

/** A close frame with a status code. */
export function closing(status: number, reason = ''): Buffer {
  const code = Buffer.alloc(2);
  code.writeUInt16BE(status);
  return clientFrame({ opcode: OPCODE.close, payload: Buffer.concat([code, Buffer.from(reason)]) });
}
