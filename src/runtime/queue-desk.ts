// The stored queues as the control socket asks for them: what the broker knows of them, and messages as files hold them.
import type { Broker } from '../broker/broker.ts';
import { packCarried, unpackCarried } from '../carry/message-codec.ts';
import type { QueueBook } from '../control/running-gateway.ts';
import type { CarriedMessage } from '../model/carried-message.ts';
import { GatewayError } from '../model/errors.ts';

export function queueDesk({ queueInspector: inspector, queueCarriage: carriage }: Pick<Broker, 'queueInspector' | 'queueCarriage'>): QueueBook {
  return {
    peek: (queue, selection, limit) => inspector.peek(queue, selection, limit),
    purge: (queue, selection) => inspector.purge(queue, selection),
    replay: (clientId, selection) => inspector.replay(clientId, selection),
    export: async (queue, selection, options) => {
      const { messages, ...facts } = await carriage.export(queue, selection, options);
      return { messages: messages.map(packCarried), ...facts };
    },
    removeExported: (queue, era, sequences) => carriage.removeExported(queue, era, sequences),
    import: async (target, bodies) => {
      const messages = bodies.flatMap((body) => unpacked(body) ?? []);
      const imported = await carriage.import(target === 'topics' ? undefined : target, messages);
      return { ...imported, invalid: bodies.length - messages.length };
    },
  };
}

/** Undefined: it is no message. */
function unpacked(body: Buffer): CarriedMessage | undefined {
  try {
    return unpackCarried(body);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
