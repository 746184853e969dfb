import type { Service } from '@querator/engine';
import { Gauge, type Registry } from 'prom-client';

/** Registers how far the storages that drain have come. Each scrape reads what was seen last. */
export function registerDrainMetrics(registry: Registry, drains: Pick<Service['drains'], 'states'>): void {
  const registers = [registry];
  new Gauge({
    name: 'querator_storage_drain_partitions',
    help: 'Partitions that are left on a storage that this server is configured to drain',
    labelNames: ['storage'],
    registers,
    collect() {
      this.reset();
      for (const { storage, partitions } of drains.states())
        if (partitions !== undefined) this.set({ storage }, partitions);
    },
  });
  new Gauge({
    name: 'querator_storage_drained',
    help: 'Whether a storage that this server is configured to drain can be switched off: 1, or 0',
    labelNames: ['storage'],
    registers,
    collect() {
      this.reset();
      for (const { storage, canBeSwitchedOff } of drains.states())
        this.set({ storage }, Number(canBeSwitchedOff));
    },
  });
}
