import type { ConfiguredQuotas } from '@querator/access';
import type { QuotaLimits } from '@querator/core';
import { z } from 'zod';
import { byteSize } from './byte-size.ts';

const number = z.int('expected a whole number').min(0, 'expected a number of at least 0').optional();

/** The limits of a quota. 0: no limit. */
const limits = z.strictObject({
  queues: number,
  partitions: number,
  'items-waiting': number,
  'bytes-waiting': byteSize(0).optional(),
  'requests-per-second': number,
  'items-per-second': number,
  'waiting-consumers': number,
  connections: number,
});

/** The quotas of the configuration file. */
export const quotasSchema = z.strictObject({
  default: limits.optional(),
  namespaces: z.record(z.string(), limits).default({}),
  keys: z.record(z.string(), limits).default({}),
});

/** The quotas of a configuration, as access control takes them. */
export function configuredQuotas(quotas: z.infer<typeof quotasSchema>): ConfiguredQuotas {
  const mapOf = (entries: Readonly<Record<string, z.infer<typeof limits>>>) =>
    new Map(Object.entries(entries).map(([name, each]) => [name, limitsOf(each)]));
  return {
    default: quotas.default && limitsOf(quotas.default),
    namespaces: mapOf(quotas.namespaces),
    keys: mapOf(quotas.keys),
  };
}

function limitsOf(given: z.infer<typeof limits>): QuotaLimits {
  return {
    queues: given.queues || undefined,
    partitions: given.partitions || undefined,
    itemsWaiting: given['items-waiting'] || undefined,
    bytesWaiting: given['bytes-waiting'] || undefined,
    requestsPerSecond: given['requests-per-second'] || undefined,
    itemsPerSecond: given['items-per-second'] || undefined,
    waitingConsumers: given['waiting-consumers'] || undefined,
    connections: given.connections || undefined,
  };
}
