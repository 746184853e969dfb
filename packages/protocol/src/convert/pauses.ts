import type { Pause, Pauses } from '@querator/core';
import type { QueuesPause, QueuesPausesResponse } from '../gen/querator/v2/queues.ts';
import { toTimestamp } from '../time/wire-time.ts';

/** The wire form of a queue's pauses. */
export function fromPauses({ produce, lease }: Pauses): QueuesPausesResponse {
  return { produce: produce && fromPause(produce), lease: lease && fromPause(lease) };
}

function fromPause({ until }: Pause): QueuesPause {
  return { until: until && toTimestamp(until) };
}
