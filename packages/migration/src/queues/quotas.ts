import type { Client } from '@querator/client';
import { MESSAGES, QueueError } from '@querator/core';
import type { QuotaLimits } from '@querator/protocol';
import { repeat, type Work } from '../repeat.ts';

/** The quotas of namespaces, by their names. */
export type Quotas = ReadonlyMap<string, QuotaLimits>;

/** What became of the quota of a namespace. */
export interface CarriedQuota {
  /** The namespace that had it. */
  readonly namespace: string;
  /**
   * - `set`: the namespace has it now.
   * - `exists`: the namespace has one of its own, which stays.
   * - `hidden`: the caller may not see quotas where it comes from, if there is one.
   * - `refused`: the caller may not set it.
   * - `unused`: the server keeps to no quotas.
   * - `several`: queues of several namespaces went into one.
   */
  readonly became: 'set' | 'exists' | 'hidden' | 'refused' | 'unused' | 'several';
}

/**
 * Reads the quota that was set for a namespace. One of a configuration file stays with its file.
 *
 * @returns `hidden` if the caller may not see it. Undefined: there is none.
 * @throws the error of the call.
 */
export async function quotaOf(
  options: Work & { readonly client: Client },
  namespace: string,
): Promise<QuotaLimits | 'hidden' | undefined> {
  const found = await readQuota(options, namespace);
  if (found === 'hidden') return found;
  return found?.source === 'stored' ? found.limits : undefined;
}

/**
 * Sets quotas that namespaces had elsewhere. To be called when all items are stored, which must not be judged by
 * the rates. A namespace that has one keeps it. May be repeated.
 *
 * @param target where all queues went. Undefined: the namespace that each had.
 * @throws the error of a call.
 */
export async function carryQuotas(
  options: Work & { readonly client: Client },
  quotas: Quotas,
  target: string | undefined,
): Promise<readonly CarriedQuota[]> {
  const carried: CarriedQuota[] = [];
  for (const [namespace, limits] of quotas) {
    const became =
      target !== undefined && quotas.size > 1
        ? 'several'
        : await setQuota(options, target ?? namespace, limits);
    carried.push({ namespace, became });
  }
  return carried;
}

async function setQuota(
  options: Work & { readonly client: Client },
  namespace: string,
  limits: QuotaLimits,
): Promise<CarriedQuota['became']> {
  const { client, signal } = options;
  const found = await readQuota(options, namespace);
  if (found === 'hidden') return 'refused';
  if (found === undefined) return 'unused';
  if (found.source === 'stored') return 'exists';
  try {
    await repeat(options, () => client.v2.quotas.set({ namespace, limits }, { signal }));
    return 'set';
  } catch (error) {
    if (error instanceof QueueError && error.code === 'forbidden') return 'refused';
    throw error;
  }
}

/** @returns undefined if the server keeps to no quotas. */
async function readQuota(options: Work & { readonly client: Client }, namespace: string) {
  const { client, signal } = options;
  return repeat(options, async () => {
    try {
      return await client.v2.quotas.get({ namespace }, { signal });
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      if (error.code === 'forbidden') return 'hidden';
      // The documented answer of a server without quotas; those before v2 do not know the call.
      const isUnused = error.code === 'failed' && error.message !== MESSAGES.serviceShutdown;
      if (isUnused || error.code === 'unknown_method') return undefined;
      throw error;
    }
  });
}
