import type { Client } from '../client.ts';
import { clientPort } from './client-port.ts';
import type { QueuePort } from './queue-port.ts';

/** Where the queues of a worker or producer are: at a server, or in the same process. */
export type QueueSource = Client | QueuePort;

/** The calls of a source. */
export function portOf(source: QueueSource): QueuePort {
  return 'call' in source ? clientPort(source) : source;
}
