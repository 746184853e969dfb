import { TASK_STATES } from '@querator/core';
import type { EngineObserver, TasksService } from '@querator/engine';
import { Counter, Gauge, type Registry } from 'prom-client';

/** Counts what tasks do in this process. */
export class TaskMetrics implements Required<Pick<EngineObserver, 'taskItems' | 'taskEnded'>> {
  readonly #items: Counter<'kind' | 'outcome'>;
  readonly #ended: Counter<'kind' | 'state'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#items = new Counter({
      name: 'querator_task_items_total',
      help: 'Items that tasks handled in this process, by kind and outcome: done, failed',
      labelNames: ['kind', 'outcome'],
      registers,
    });
    this.#ended = new Counter({
      name: 'querator_tasks_ended_total',
      help: 'Tasks that ended in this process, by kind and state: done, cancelled, failed',
      labelNames: ['kind', 'state'],
      registers,
    });
  }

  /** Begins the counts of these kinds at 0: Prometheus does not see a rise to the first value of a series. */
  begin(kinds: readonly string[]): void {
    for (const kind of kinds)
      for (const state of TASK_STATES) if (state !== 'running') this.#ended.inc({ kind, state }, 0);
  }

  taskItems(kind: string, { done, failed }: { readonly done: number; readonly failed: number }): void {
    // What a cancelled task undoes is no item less.
    this.#items.inc({ kind, outcome: 'done' }, Math.max(done, 0));
    this.#items.inc({ kind, outcome: 'failed' }, Math.max(failed, 0));
  }

  taskEnded(kind: string, state: string): void {
    this.#ended.inc({ kind, state });
  }
}

/** Registers the number of tasks that a process works on, which is read at each scrape. */
export function registerRunningTasks(registry: Registry, tasks: Pick<TasksService, 'running'>): void {
  new Gauge({
    name: 'querator_tasks_running',
    help: 'Tasks that this process works on, by kind',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [kind, count] of tasks.running()) this.set({ kind }, count);
    },
  });
}
