import { streamTransportContract } from '../../contract/stream-transport.contract.ts';
import { MemoryTransport } from '../../support/memory-link.ts';

streamTransportContract('MemoryTransport', async () => {
  const transport = new MemoryTransport();
  return { transport, connects: async () => transport.connect(), stop: () => transport.close() };
});
