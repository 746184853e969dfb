import { errorText } from '@querator/core';
import type { ServerInfo } from './server-info.ts';

/** The server lacks what an option or a call needs. */
export class MissingCapabilityError extends Error {
  override readonly name = 'MissingCapabilityError';
  /** As `server.info` names it. */
  readonly capability: string;

  /** @param purpose what needs the capability, such as `the option leaseTimeout`. */
  constructor(purpose: string, capability: string, { version }: Pick<ServerInfo, 'version'>) {
    super(
      errorText`${purpose} needs a server with the capability '${capability}', and the server${
        version === undefined ? '' : ` of version ${version}`
      } does not have it`,
    );
    this.capability = capability;
  }
}
