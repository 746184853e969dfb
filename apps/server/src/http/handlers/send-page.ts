import type { Page } from '@querator/engine';
import { REPLY_HEADERS } from '@querator/protocol';
import type { CallContext } from './routes.ts';

/** The elements of a page as the reply holds them. That more follow goes into a header. */
export function sendPage<T, Sent>(page: Page<T>, context: CallContext, toSent: (element: T) => Sent): Sent[] {
  if (page.more) context.replyHeaders = { ...context.replyHeaders, [REPLY_HEADERS.more]: 'true' };
  return page.items.map(toSent);
}
