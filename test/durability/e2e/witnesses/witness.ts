/** Compares one kind of state over every kill: what the gateway had answered for before with what it has afterwards. */
export interface Witness {
  readonly name: string;
  start(): Promise<void>;
  /** Before a kill: makes state, and does not always wait for the answers. */
  prepare(round: number): Promise<void>;
  /** The gateway is frozen, and everything it answered has been read: what holds from now on is known. */
  frozen(): void;
  /** The gateway runs again. */
  verify(round: number): Promise<void>;
  /** After the last round. */
  finish(): Promise<void>;
  stop(): Promise<void>;
}

export interface WitnessParts {
  readonly mqttPort: number;
  readonly complain: (what: string) => void;
}
