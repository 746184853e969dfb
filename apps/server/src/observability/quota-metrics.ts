import type { Quotas } from '@querator/access';
import { QUOTA_LIMITS, type QuotaLimit } from '@querator/core';
import { Counter, Gauge, type Registry } from 'prom-client';

/** How many namespaces and keys have their own series. */
const SUBJECTS_WITH_SERIES = 200;

/** Registers metrics of quotas, which are read at each scrape. Nothing is measured for them. */
export function registerQuotaMetrics(registry: Registry, quotas: Pick<Quotas, 'refusals' | 'used'>): void {
  const registers = [registry];
  new Counter({
    name: 'querator_quota_refusals_total',
    help: 'Calls that were refused because of a quota, by limit',
    labelNames: ['limit'],
    registers,
    collect() {
      this.reset();
      for (const limit of QUOTA_LIMITS) this.inc({ limit: labelOf(limit) }, quotas.refusals.get(limit) ?? 0);
    },
  });
  new Gauge({
    name: 'querator_quota_used_ratio',
    help: "What namespaces and API keys use of this process's share of a limit: 1 is all of it",
    labelNames: ['kind', 'name', 'limit'],
    registers,
    collect() {
      this.reset();
      for (const { subject, limit, ratio } of quotas.used(SUBJECTS_WITH_SERIES)) {
        this.set({ ...subject, limit: labelOf(limit) }, ratio);
      }
    },
  });
}

/** The name of a limit in the API. */
function labelOf(limit: QuotaLimit): string {
  return limit.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
