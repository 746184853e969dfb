import type { Logger } from '@querator/core';

/** Logs that dead items of a queue without a dead-letter queue were deleted. */
export function logDeleted(
  logger: Logger,
  where: { readonly queue: string; readonly partition: number; readonly items: number },
): void {
  logger.warn('deleted items that used up their attempts or time', where);
}
