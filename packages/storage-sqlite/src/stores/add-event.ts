import type { MakeAuditEvent } from '@querator/core';
import type { OpenTransaction } from '../database/database.ts';

/** Stores the event of a change in the transaction that made it. */
export async function addEvent(
  transaction: OpenTransaction,
  audit: MakeAuditEvent | undefined,
): Promise<void> {
  if (audit !== undefined) await transaction.call('addEvents', { events: [audit()] });
}
