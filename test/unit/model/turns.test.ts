import { describe, expect, test } from 'vitest';
import { POLL_WORK_MAX, TURN_WORK_MAX, TURN_WORK_SHARED_MAX, TURNS_ALONE } from '../../../src/model/limits.ts';
import { Turns } from '../../../src/model/turns.ts';

/** Sockets are polled when a test says so. */
class Stage {
  readonly turns: Turns;
  readonly ran: string[] = [];
  #afterPoll: (() => void)[] = [];

  constructor() {
    this.turns = new Turns({ flush: () => void this.ran.push('|'), afterPoll: (run) => void this.#afterPoll.push(run) });
  }

  poll(): this {
    for (const run of this.#afterPoll.splice(0)) run();
    return this;
  }

  /** Puts off something that takes so much work. */
  later(name: string, work: number, then: () => void = () => undefined): void {
    this.turns.later(() => {
      this.ran.push(name);
      this.turns.work.done += work;
      then();
    });
  }

  get story(): string {
    return this.ran.splice(0).join(' ');
  }
}

describe('those who wait', () => {
  test('have their turns in order, after the next poll, as many as there is room for', () => {
    const stage = new Stage();
    for (const name of ['a', 'b', 'c', 'd']) stage.later(name, POLL_WORK_MAX / 2);
    expect(stage.story).toBe('');
    expect(stage.poll().story).toBe('| a b');
    expect(stage.poll().story).toBe('| c d');
    expect(stage.poll().story).toBe('');
  });

  test('come last if they put off more, and never twice between two polls', () => {
    const stage = new Stage();
    stage.later('a', 1, () => stage.later('a again', 1));
    stage.later('b', 1);
    expect(stage.poll().story).toBe('| a b');
    expect(stage.poll().story).toBe('| a again');
  });
});

describe('who has to ask', () => {
  test('goes on while there is room: what all of them do between two polls is bounded together', () => {
    const { turns } = new Stage();
    expect(turns.hasRoom()).toBe(true);
    turns.work.done += POLL_WORK_MAX - 1;
    expect(turns.hasRoom()).toBe(true);
    turns.work.done += 1;
    expect(turns.hasRoom()).toBe(false);
  });

  test('has room again after the next poll', () => {
    const stage = new Stage();
    expect(stage.turns.hasRoom()).toBe(true);
    stage.turns.work.done += POLL_WORK_MAX;
    expect(stage.turns.hasRoom()).toBe(false);
    stage.poll();
    expect(stage.turns.hasRoom()).toBe(true);
  });

  test('comes behind those who wait', () => {
    const stage = new Stage();
    stage.later('a', 1);
    expect(stage.turns.hasRoom()).toBe(false);
    stage.turns.soon(() => stage.ran.push('b'));
    expect(stage.poll().story).toBe('| a b');
    stage.turns.soon(() => stage.ran.push('at once'));
    expect(stage.story).toBe('at once');
  });
});

describe('how long a turn is', () => {
  test('short while others have something to say, long when nobody did for a while', () => {
    const stage = new Stage();
    const deal = (): void => {
      stage.later('flood', 1);
      stage.poll();
    };
    expect(stage.turns.workMax).toBe(TURN_WORK_SHARED_MAX);
    for (let count = 0; count < TURNS_ALONE; count += 1) deal();
    expect(stage.turns.workMax).toBe(TURN_WORK_MAX);
    stage.turns.heard();
    deal();
    expect(stage.turns.workMax).toBe(TURN_WORK_SHARED_MAX);
  });
});
