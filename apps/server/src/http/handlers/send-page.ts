import type { Page } from '@querator/engine';
import { REPLY_HEADERS } from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import { mapInTurns } from '../call/map-in-turns.ts';

/** Converts a page for the reply. A header says whether more elements follow. */
export function sendPage<T, Sent>(
  page: Page<T>,
  context: CallContext,
  toSent: (element: T) => Sent,
): Promise<Sent[]> {
  if (page.more) context.replyHeaders = { ...context.replyHeaders, [REPLY_HEADERS.more]: 'true' };
  return mapInTurns(page.items, toSent);
}
