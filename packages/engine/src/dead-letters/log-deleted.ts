import type { Logger } from '@querator/core';

/** Items died where there is no dead-letter queue: an operator may well want to know. */
export function logDeleted(
  logger: Logger,
  where: { readonly queue: string; readonly partition: number; readonly items: number },
): void {
  logger.warn('deleted items that used up their attempts or time', where);
}
