import { accessDenied, SYSTEM_NAMESPACE } from '@querator/core';
import type { Instances } from '@querator/engine';
import { type endpointsV2, fromInstances, type Handlers } from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';

/** The handler that lists the servers on the same storage. */
export function instancesHandlers(
  instances: Pick<Instances, 'id' | 'known'>,
): Handlers<typeof endpointsV2.instances, CallContext> {
  return {
    async list(_, { caller }) {
      if (!caller.may('system.health', SYSTEM_NAMESPACE)) throw accessDenied();
      return fromInstances(await instances.known(), instances.id);
    },
  };
}
