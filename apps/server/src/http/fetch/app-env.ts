import type { HttpBindings } from '@hono/node-server';
import type { Admission } from '../call/call-pipeline.ts';

/** What the server under the application passes along with a request. In process it passes nothing. */
export type AppEnv = {
  Bindings: Partial<HttpBindings> & {
    /** The outcome of the checks, if the server under the application has done them. */
    readonly admission?: Admission | Promise<Admission> | undefined;
  };
};
