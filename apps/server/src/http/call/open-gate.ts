import { checkScheme, TRUSTED_CALLER } from '@querator/access';
import type { Caller } from '@querator/core';
import type { CallHeaders } from './call-headers.ts';
import type { Gate } from './gate.ts';

/** The gate of a server that cannot have access control. Checks only the form of credentials. */
export class OpenGate implements Gate {
  readonly watch = undefined;

  authenticate({ authorization }: Pick<CallHeaders, 'authorization'>): Caller | Promise<Caller> {
    if (authorization !== undefined && authorization !== '') checkScheme(authorization);
    return TRUSTED_CALLER;
  }

  renew(caller: Caller): Caller {
    return caller;
  }

  authorize(): void {}
}
