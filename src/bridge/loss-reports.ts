// What the queue lost, told to the remote while it is connected: by JSON messages under a topic of its own, which are acknowledged like everything else.
import type { CancelTimer } from '../model/clock.ts';
import { LOSS_REPORT_SECONDS } from '../model/limits.ts';
import { LOSS_REPORT_TOPIC, type LossReport } from '../model/losses.ts';
import type { Draft } from '../model/message.ts';
import type { Topic } from '../model/topic.ts';
import type { BridgeLine } from './line.ts';

export class LossReports {
  /** How the remote knows them; undefined: it is told nothing. */
  readonly topic: Topic | undefined;
  readonly #line: BridgeLine;
  readonly #ownTopic: Topic;
  #cancel: CancelTimer | undefined;

  constructor(line: BridgeLine) {
    const { context, settings } = line;
    this.#line = line;
    this.#ownTopic = context.topics.intern(LOSS_REPORT_TOPIC);
    this.topic = settings.lossReportTopic === undefined ? undefined : context.topics.intern(settings.lossReportTopic);
  }

  connected(): void {
    if (this.topic === undefined) return;
    this.#cancel?.();
    this.#line.session.reportLosses((report) => this.#draft(report));
    this.#cancel = this.#line.context.clock.after(LOSS_REPORT_SECONDS * 1000, () => this.connected());
  }

  disconnected(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #draft({ report, cause, device, boot, range, queueRange, after, count, since, until }: LossReport): Draft {
    const { provenance, name } = this.#line.settings;
    const payload = {
      bridge: provenance?.stream ?? name, // as whoever checks the numbers knows it
      report,
      device,
      boot,
      ...range,
      bridgeFirst: queueRange?.first,
      bridgeLast: queueRange?.last,
      after,
      count,
      cause,
      since: Math.round(since),
      until: Math.round(until),
    };
    return { topic: this.#ownTopic, payload: Buffer.from(JSON.stringify(payload)), qos: 1, isRetain: false, properties: { contentType: 'application/json' } };
  }
}
