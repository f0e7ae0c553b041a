// A normative statement in our words: what it asks, and of whom.

export interface Statement {
  /** As the standard prints it: `MQTT-3.1.2-4`. */
  readonly id: string;
  readonly duty: 'server' | 'client' | 'both';
  readonly asks: string;
  /** Why no test of this project can show it. */
  readonly notApplicable?: string;
}

/** Number within the section, duty, what is asked, and why it does not apply where it does not. */
type Line = readonly [number: number, duty: Statement['duty'], asks: string, notApplicable?: string];

/** @param sections - section number → its statements. */
export function statements(prefix: string, sections: Readonly<Record<string, readonly Line[]>>): Statement[] {
  return Object.entries(sections).flatMap(([section, lines]) =>
    lines.map(([number, duty, asks, notApplicable]) => ({
      ...{ id: `${prefix}${section}-${number}`, duty, asks },
      ...(notApplicable === undefined ? {} : { notApplicable }),
    })),
  );
}
