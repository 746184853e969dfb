import type { TasksService } from '@querator/engine';
import { type endpointsV2, fromTask, type Handlers, toItemFilter } from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';

/** The handlers that create, show and cancel long work. */
export function tasksHandlers(tasks: TasksService): Handlers<(typeof endpointsV2)['tasks'], CallContext> {
  return {
    async create({ filter, ...request }, { caller, audit }) {
      const call = { ...request, filter: toItemFilter(filter) };
      return fromTask(await tasks.create(call, { caller, audit }));
    },
    async get({ id }, { caller }) {
      return fromTask(await tasks.get(id, { caller }));
    },
    async list(request, { caller }) {
      const { items, cursor } = await tasks.list(request, { caller });
      return { items: items.map(fromTask), cursor };
    },
    async cancel({ id }, { caller, audit }) {
      return fromTask(await tasks.cancel(id, { caller, audit }));
    },
  };
}
