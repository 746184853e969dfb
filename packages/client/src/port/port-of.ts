import type { Clock } from '@querator/core';
import type { Client } from '../client.ts';
import { clientPort } from './client-port.ts';
import { clientProducePort } from './client-produce-port.ts';
import type { ProducePort } from './produce-port.ts';
import type { QueuePort } from './queue-port.ts';

/** Where the queue of a worker is: at a server, or in the same process. */
export type QueueSource = Client | QueuePort;

/** Where the queue of a producer is: at a server, or in the same process. */
export type ProduceSource = Client | ProducePort;

/** The calls of a consumer. */
export function portOf(source: QueueSource, clock: Clock): QueuePort {
  return 'call' in source ? clientPort(source, { clock, details: true }) : source;
}

/** The call of a producer. */
export function producePortOf(source: ProduceSource, clock: Clock): ProducePort {
  return 'call' in source ? clientProducePort(source, clock) : source;
}
