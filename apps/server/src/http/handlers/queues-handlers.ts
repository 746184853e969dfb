import type { QueuesService } from '@querator/engine';
import { fromQueue, type Handlers, type queuesEndpoints, SUCCESS_REPLY } from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import { sendPage } from './send-page.ts';

/** The handlers that create, list, change and delete queues. */
export function queuesHandlers(queues: QueuesService): Handlers<typeof queuesEndpoints, CallContext> {
  return {
    async create(request) {
      await queues.create(request);
      return SUCCESS_REPLY;
    },
    async list(request, context) {
      return { items: sendPage(await queues.page(request), context, fromQueue) };
    },
    async info({ queueName }) {
      return fromQueue(await queues.info(queueName));
    },
    async update(request) {
      await queues.update(request);
      return SUCCESS_REPLY;
    },
    async delete({ queueName, force }) {
      await queues.delete(queueName, force);
      return SUCCESS_REPLY;
    },
  };
}
