import type { QuotaSubjectCall, QuotasService, QuotaView } from '@querator/access';
import { formatDuration, milliseconds, unavailable } from '@querator/core';
import { type endpointsV2, type Handlers, type QuotasGetResponse, SUCCESS_REPLY } from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import type { ServedAccess } from './v2-handlers.ts';

/** The handlers that show and set quotas. */
export function quotasHandlers(access: ServedAccess): Handlers<(typeof endpointsV2)['quotas'], CallContext> {
  return {
    async get(request, { caller }) {
      return toSent(await inUse(access).get(request, caller));
    },
    async set({ limits, ...subject }: QuotaSubjectCall & { limits?: object | undefined }, { caller, audit }) {
      await inUse(access).set(subject, limits, caller, audit);
      return SUCCESS_REPLY;
    },
  };
}

/** @throws QueueError `failed` if quotas are not in use. */
function inUse(access: ServedAccess): QuotasService {
  if (access === undefined) throw unavailable('failed', 'quota storage not configured');
  const { quotas } = access.service;
  if (quotas !== undefined) return quotas;
  throw unavailable(
    'failed',
    "quotas are not in use; switch access control on, or add 'quotas' to the configuration",
  );
}

function toSent({ limits, source, usage, stock }: QuotaView): QuotasGetResponse {
  const age = stock?.sampleAgeMs;
  return {
    limits: {
      queues: limits.queues ?? 0,
      partitions: limits.partitions ?? 0,
      itemsWaiting: limits.itemsWaiting ?? 0,
      bytesWaiting: limits.bytesWaiting ?? 0,
      requestsPerSecond: limits.requestsPerSecond ?? 0,
      itemsPerSecond: limits.itemsPerSecond ?? 0,
      waitingConsumers: limits.waitingConsumers ?? 0,
      connections: limits.connections ?? 0,
    },
    source,
    usage: {
      queues: stock?.queues ?? 0,
      partitions: stock?.partitions ?? 0,
      itemsWaiting: stock?.items ?? 0,
      bytesWaiting: stock?.bytes ?? 0,
      sampleAge: age === undefined ? '' : formatDuration(milliseconds(Math.round(age))),
      requestsPerSecond: usage.requests,
      itemsPerSecond: usage.items,
      waitingConsumers: usage.consumers,
      connections: usage.connections,
      processes: usage.processes,
    },
  };
}
