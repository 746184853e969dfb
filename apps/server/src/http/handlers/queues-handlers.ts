import type { Quotas } from '@querator/access';
import type { CreateOptions, QueuesService } from '@querator/engine';
import { fromQueue, type Handlers, type queuesEndpoints, SUCCESS_REPLY } from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import { sendPage } from './send-page.ts';

/** The handlers that create, list, change and delete queues. @param quotas undefined: they are not in use. */
export function queuesHandlers(
  queues: QueuesService,
  quotas: Quotas | undefined,
): Handlers<typeof queuesEndpoints, CallContext> {
  return {
    async create(request, { caller, audit }) {
      const { principal } = caller;
      const admit: CreateOptions['admit'] =
        quotas && ((size, store) => quotas.createQueue(principal, size, store));
      await queues.create(request, { caller, audit, admit });
      return SUCCESS_REPLY;
    },
    async list(request, context) {
      return { items: await sendPage(await queues.page(request, context), context, fromQueue) };
    },
    async info({ queueName }) {
      return fromQueue(await queues.info(queueName));
    },
    async update(request, { caller, audit }) {
      await queues.update(request, { caller, audit });
      return SUCCESS_REPLY;
    },
    async delete({ queueName, force }, { caller, audit }) {
      await queues.delete(queueName, force, { caller, audit });
      return SUCCESS_REPLY;
    },
  };
}
