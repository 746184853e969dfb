import type { SchedulesService } from '@querator/engine';
import {
  type endpointsV2,
  fromSchedule,
  type Handlers,
  SUCCESS_REPLY,
  toScheduleCall,
} from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';

/** The handlers that create schedules, change, list and delete them. */
export function schedulesHandlers(
  schedules: SchedulesService,
): Handlers<(typeof endpointsV2)['schedules'], CallContext> {
  return {
    async create(request, { caller, audit }) {
      return fromSchedule(await schedules.create(toScheduleCall(request), { caller, audit }));
    },
    async update(request, { caller, audit }) {
      return fromSchedule(await schedules.update(toScheduleCall(request), { caller, audit }));
    },
    async list({ cursor, ...request }, { caller }) {
      const page = await schedules.list({ ...request, pivot: cursor }, { caller });
      return { items: page.schedules.map(fromSchedule), cursor: page.next ?? '' };
    },
    async pause(request, { caller, audit }) {
      return fromSchedule(await schedules.pause(request, { caller, audit }));
    },
    async resume(request, { caller, audit }) {
      return fromSchedule(await schedules.resume(request, { caller, audit }));
    },
    async delete(request, { caller, audit }) {
      await schedules.delete(request, { caller, audit });
      return SUCCESS_REPLY;
    },
  };
}
