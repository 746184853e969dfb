import type { QueuesService } from '@querator/engine';
import { fromQueue, type Handlers, SUCCESS_REPLY } from '@querator/protocol';
import type { CallContext, SERVED } from './routes.ts';
import { sendPage } from './send-page.ts';

/** Creating, listing and changing queues. */
export function queuesHandlers(queues: QueuesService): Handlers<(typeof SERVED)['queues'], CallContext> {
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
