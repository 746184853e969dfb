import type { CallHeaders } from './call-headers.ts';
import type { CallTrace } from './call-trace.ts';
import type { Route } from './route.ts';

/** A request whose headers have arrived. */
export interface TracedRequest {
  readonly method: string;
  readonly path: string;
  /** Undefined: the path is unknown. */
  readonly route: Route | undefined;
  readonly headers: CallHeaders;
}

/** Records calls. */
export interface CallTracing {
  /** Begins the span of a call. @returns undefined if the call is not recorded. */
  begin(request: TracedRequest): CallTrace | undefined;
}
