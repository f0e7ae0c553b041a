// When is the output of a turn written? Written after each read it costs least while reads come one by one, as readings of sensors
// do; written once all sockets of a poll were read (setImmediate) it collects a fan-in of many sockets into one write. Which of the two is
// at hand shows only afterwards, so the writer counts the reads of a poll now and then and follows what it saw (docs/decisions/0010-turn-writer.md).
import { OutBufferPool } from './out-buffer-pool.ts';

/** Output that is collected during a turn. */
export interface TurnOutput {
  /** Writes what was collected. Must not throw. */
  flush(): void;
}

/** While reads are written one by one, every n-th waits for the end of its poll, to see whether other sockets were ready as well. */
const PROBE_EVERY = 16;
/** Polls in a row that brought one read each before reads are written one by one again. */
const LONE_READS_TO_SWITCH = 8;

/** Writes each scheduled output once per turn. One per process, together with the buffers the outputs are made of. */
export class TurnWriter {
  readonly buffers = new OutBufferPool();
  #outputs: TurnOutput[] = [];
  #spare: TurnOutput[] = [];
  #isArmed = false;
  #mode: 'each-read' | 'each-poll' = 'each-read';
  #reads = 0;
  #untilProbe = PROBE_EVERY;
  #loneReads = 0;
  /** One socket's bytes are being handled. */
  #isReading = false;
  #isDueAfterRead = false;
  readonly #soon = (): void => this.#flush();
  readonly #pollEnded = (): void => this.#endPoll();

  /** Tells of a read from any socket, before its bytes are handled; `endRead` follows when they are. */
  beginRead(): void {
    this.#reads += 1;
    this.#isReading = true;
  }

  /** A read without a microtask costs half a microsecond less. */
  endRead(): void {
    this.#isReading = false;
    if (!this.#isDueAfterRead) return;
    this.#isDueAfterRead = false;
    this.#flush();
  }

  /** Has `output` flushed at the end of this turn. To be called once per flush. */
  schedule(output: TurnOutput): void {
    this.#outputs.push(output);
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#untilProbe -= 1;
    if (this.#mode === 'each-read' && this.#untilProbe > 0) {
      if (this.#isReading) this.#isDueAfterRead = true;
      else queueMicrotask(this.#soon);
      return;
    }
    this.#reads = 1; // the one whose output this is
    this.afterPoll(this.#pollEnded);
  }

  /** Runs once: after every socket that has something to say was read. */
  afterPoll(run: () => void): void {
    setImmediate(run);
  }

  /** Writes what was collected so far. */
  flush(): void {
    const outputs = this.#outputs;
    this.#outputs = this.#spare;
    for (const output of outputs) output.flush();
    outputs.length = 0;
    this.#spare = outputs;
  }

  #endPoll(): void {
    this.#loneReads = this.#reads > 1 ? 0 : this.#loneReads + 1;
    if (this.#reads > 1) this.#mode = 'each-poll';
    else if (this.#loneReads >= LONE_READS_TO_SWITCH) this.#mode = 'each-read';
    this.#untilProbe = PROBE_EVERY;
    this.#flush();
  }

  /** An output scheduled by a flush belongs to the next turn. */
  #flush(): void {
    this.#isArmed = false;
    this.flush();
  }
}
