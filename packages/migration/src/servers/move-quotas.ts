import type { QuotaLimits } from '@querator/protocol';
import { type CarriedQuota, carryQuotas, quotaOf } from '../queues/quotas.ts';
import type { MoveOptions, QueuePair } from './move-options.ts';

/**
 * Sets the quotas of the source for the namespaces of queues that have moved. The source keeps them.
 *
 * @throws the error of a call. Then it may be repeated.
 */
export async function moveQuotas(
  options: MoveOptions,
  pairs: readonly QueuePair[],
): Promise<readonly CarriedQuota[]> {
  const quotas = new Map<string, QuotaLimits>();
  const hidden: CarriedQuota[] = [];
  for (const namespace of new Set(pairs.map(({ info }) => info.namespace))) {
    const limits = await quotaOf({ ...options, client: options.from }, namespace);
    if (limits === 'hidden') hidden.push({ namespace, became: 'hidden' });
    else if (limits !== undefined) quotas.set(namespace, limits);
  }
  const target = { ...options, client: options.to };
  return [...hidden, ...(await carryQuotas(target, quotas, options.targetNamespace))];
}
