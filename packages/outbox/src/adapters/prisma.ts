import { type EnqueueOptions, enqueue as enqueueOn } from '../enqueue.ts';
import type { Executor, Row } from '../executor.ts';
import type { OutboxItem } from '../outbox-item.ts';

/** The client that an interactive transaction of Prisma passes. */
export interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: string[]): PromiseLike<unknown>;
}

/** Runs SQL in an interactive transaction of Prisma. */
export function executor(tx: PrismaTransaction): Executor {
  return {
    query: async (text, parameters) => (await tx.$queryRawUnsafe(text, ...parameters)) as readonly Row[],
  };
}

/** As `enqueue` of `@querator/outbox`, in an interactive transaction of Prisma. */
export function enqueue(
  tx: PrismaTransaction,
  queue: string,
  items: readonly OutboxItem[],
  options?: EnqueueOptions,
): Promise<readonly string[]> {
  return enqueueOn(executor(tx), queue, items, options);
}
