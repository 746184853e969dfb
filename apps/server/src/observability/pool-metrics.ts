import type { PoolState } from '@querator/storage-postgres';
import { Counter, Gauge, type Registry } from 'prom-client';

/** Registers metrics that read the state of the connection pools at each scrape. */
export function registerPoolMetrics(registry: Registry, pools: () => readonly PoolState[]): void {
  const registers = [registry];
  new Gauge({
    name: 'querator_postgres_pool',
    help: 'Connections of a pool: the limit, open, idle, and requests waiting for one',
    labelNames: ['target', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { target, maxConns, open, idle, waiting } of pools()) {
        // Two pools may lead to one database as different users, so add them up.
        this.inc({ target, state: 'limit' }, maxConns);
        this.inc({ target, state: 'open' }, open);
        this.inc({ target, state: 'idle' }, idle);
        this.inc({ target, state: 'waiting' }, waiting);
      }
    },
  });
  new Counter({
    name: 'querator_postgres_pool_timeouts_total',
    help: 'Requests that got no connection in time',
    labelNames: ['target'],
    registers,
    collect() {
      this.reset();
      for (const { target, timedOut } of pools()) this.inc({ target }, timedOut);
    },
  });
}
