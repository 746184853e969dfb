import type { HttpBindings } from '@hono/node-server';
import type { Admission } from '../call/call-pipeline.ts';

/** The values that Node's server passes to the application with a request. In process there are none. */
export type AppEnv = {
  Bindings: Partial<HttpBindings> & {
    /** The outcome of the checks, if the server under the application has done them. */
    readonly admission?: Admission | undefined;
    /** Whether the listener that received the request has a loopback address. Undefined: unknown. */
    readonly onLoopback?: boolean | undefined;
  };
};
