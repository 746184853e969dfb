import type { Quotas } from '@querator/access';
import type { Principal } from '@querator/core';
import type { AdmitPartitions, TasksService } from '@querator/engine';
import { type endpointsV2, fromTask, type Handlers, toItemFilter } from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';

/** Judges further partitions of a queue by the limits of its namespace and of the caller's key. */
export function admitPartitionsOf(
  quotas: Quotas | undefined,
  principal: Principal,
): AdmitPartitions | undefined {
  return quotas && ((size, store) => quotas.createQueue(principal, { ...size, queues: 0 }, store));
}

/** The handlers that create, show and cancel long work. @param quotas undefined: they are not in use. */
export function tasksHandlers(
  tasks: TasksService,
  quotas: Quotas | undefined,
): Handlers<(typeof endpointsV2)['tasks'], CallContext> {
  return {
    async create({ filter, ...request }, { caller, audit }) {
      const call = { ...request, filter: toItemFilter(filter) };
      const admitPartitions = admitPartitionsOf(quotas, caller.principal);
      return fromTask(await tasks.create(call, { caller, audit, admitPartitions }));
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
