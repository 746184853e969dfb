import type { AnyEndpoint } from '@querator/protocol';
import type { CallContext } from './call-context.ts';

/** An endpoint and the handler that answers it. */
export interface Route {
  readonly endpoint: AnyEndpoint;
  /**
   * The most list elements of a request that are decoded. Further ones are only
   * counted. Undefined: the call has no limit of its own.
   */
  readonly elementLimit: number | undefined;
  readonly handle: (request: unknown, context: CallContext) => Promise<unknown>;
}

/** The endpoints of this server by path. */
export type Routes = ReadonlyMap<string, Route>;
