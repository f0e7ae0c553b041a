// While the disk is behind: what would have to be written, or waits for it, is answered with "congestion", and is to be sent again later (§6.5, §6.9). What
// has no answer that says so is lost, as on the network, and sent again after T_retry.
import type { Client } from './client.ts';
import { NO_TOPIC_ID, type Packet, RETURN_CODE } from './packets.ts';

/**
 * PUBLISH the core judges itself. PUBREC and PUBCOMP answer what is in flight, which is little, and lost they would make us give up a client that is there.
 * Who leaves for good does so once: to come back it needs CONNECT.
 */
export function isStored(packet: Packet): boolean {
  switch (packet.type) {
    case 'REGISTER':
    case 'SUBSCRIBE':
    case 'UNSUBSCRIBE':
    case 'PUBREL':
    case 'WILLTOPICUPD':
    case 'WILLMSGUPD':
      return true;
    case 'DISCONNECT':
      return packet.durationSeconds !== undefined && packet.durationSeconds > 0;
    default:
      return false;
  }
}

export function putOff(packet: Packet, client: Client): void {
  const { counters } = client.parts;
  const answer = congestion(packet);
  if (answer === undefined) {
    counters.diskBehindDropped.value += 1;
    return;
  }
  counters.congested.value += 1;
  client.send(answer);
}

function congestion(packet: Packet): Packet | undefined {
  const returnCode = RETURN_CODE.congestion;
  switch (packet.type) {
    case 'REGISTER':
      return { type: 'REGACK', topicId: NO_TOPIC_ID, msgId: packet.msgId, returnCode };
    case 'SUBSCRIBE':
      return { type: 'SUBACK', qos: 0, topicId: NO_TOPIC_ID, msgId: packet.msgId, returnCode };
    case 'WILLTOPICUPD':
      return { type: 'WILLTOPICRESP', returnCode };
    case 'WILLMSGUPD':
      return { type: 'WILLMSGRESP', returnCode };
    default:
      return undefined;
  }
}
