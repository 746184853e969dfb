import { Counter, Gauge, type Registry } from 'prom-client';
import type { RelayState } from '../outbox/relay.ts';

/** Registers metrics of outboxes, which are read at each scrape. */
export function registerOutboxMetrics(registry: Registry, states: () => readonly RelayState[]): void {
  const registers = [registry];
  const labelNames = ['outbox'];
  const counter = (name: string, help: string, value: (state: RelayState) => number) =>
    new Counter({
      ...{ name, help, labelNames, registers },
      collect() {
        this.reset();
        for (const state of states()) this.inc({ outbox: state.outbox }, value(state));
      },
    });
  const gauge = (name: string, help: string, value: (state: RelayState) => number | undefined) =>
    new Gauge({
      ...{ name, help, labelNames, registers },
      collect() {
        this.reset();
        for (const state of states()) {
          const found = value(state);
          if (found !== undefined) this.set({ outbox: state.outbox }, found);
        }
      },
    });
  counter(
    'querator_outbox_rows_total',
    'Rows that this relay has moved to their queues',
    (each) => each.movedRows,
  );
  counter(
    'querator_outbox_failed_tries_total',
    'Batches of rows that could not go',
    (each) => each.failedTries,
  );
  gauge('querator_outbox_held', 'Whether this relay moves the rows of the outbox', (each) =>
    Number(each.holds),
  );
  gauge('querator_outbox_faulty_queues', 'Queues whose rows cannot go', (each) => each.faults.size);
  gauge(
    'querator_outbox_last_delay_seconds',
    'The age of the oldest row of the last batch, when it had moved',
    (each) => each.lastDelayMs && each.lastDelayMs / 1_000,
  );
}
