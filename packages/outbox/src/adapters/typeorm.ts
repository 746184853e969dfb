import { type EnqueueOptions, enqueue as enqueueOn } from '../enqueue.ts';
import type { Executor, Row } from '../executor.ts';
import type { OutboxItem } from '../outbox-item.ts';

/** An `EntityManager` or `QueryRunner` of TypeORM that is in a transaction. */
export interface TypeOrmTransaction {
  query(text: string, parameters: string[]): Promise<unknown>;
}

/** Runs SQL in a transaction of TypeORM. */
export function executor(manager: TypeOrmTransaction): Executor {
  return {
    query: async (text, parameters) => (await manager.query(text, [...parameters])) as readonly Row[],
  };
}

/** As `enqueue` of `@querator/outbox`, in a transaction of TypeORM. */
export function enqueue(
  manager: TypeOrmTransaction,
  queue: string,
  items: readonly OutboxItem[],
  options?: EnqueueOptions,
): Promise<readonly string[]> {
  return enqueueOn(executor(manager), queue, items, options);
}
