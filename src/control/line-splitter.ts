import { GatewayError } from '../model/errors.ts';
import { CONTROL_LINE_BYTES_MAX } from '../model/limits.ts';

const NEWLINE = 0x0a;

/** Cuts a byte stream into lines of bounded length. */
export class LineSplitter {
  #parts: Buffer[] = [];
  #pendingBytes = 0;

  /**
   * @returns the lines that are now complete, without their ends.
   * @throws GatewayError LIMIT_EXCEEDED - a line longer than CONTROL_LINE_BYTES_MAX.
   */
  push(bytes: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.#keep(bytes.subarray(start, end));
      lines.push(Buffer.concat(this.#parts).toString('utf8'));
      this.#parts = [];
      this.#pendingBytes = 0;
      start = end + 1;
    }
    this.#keep(Buffer.from(bytes.subarray(start)));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#pendingBytes += part.length;
    if (this.#pendingBytes > CONTROL_LINE_BYTES_MAX) throw new GatewayError('LIMIT_EXCEEDED', `a line is longer than ${CONTROL_LINE_BYTES_MAX} bytes`);
    if (part.length > 0) this.#parts.push(part);
  }
}
