import type { Caller } from '@querator/core';
import type { WireFormat } from '@querator/protocol';
import type { AuditRecord } from './audit-record.ts';
import type { CallHeaders } from './call-headers.ts';
import type { Route } from './route.ts';

/** A call that passed every check of its method, path and headers. Its body has not been read yet. */
export class AdmittedCall {
  readonly path: string;
  readonly route: Route;
  readonly headers: CallHeaders;
  readonly caller: Caller;
  /** Undefined: the call is not audited. */
  readonly audit: AuditRecord | undefined;
  /** The length of the body in bytes, as its headers announce it. Undefined: not announced. */
  readonly announcedLength: number | undefined;
  readonly replyFormat: WireFormat;
  /** Bytes of the body that were received; 0 until it is complete. */
  receivedBytes = 0;
  /** When the call was admitted, in milliseconds on the monotonic clock. */
  readonly startedMs: number;

  constructor(
    path: string,
    route: Route,
    {
      headers,
      caller,
      audit,
    }: {
      readonly headers: CallHeaders;
      readonly caller: Caller;
      readonly audit: AuditRecord | undefined;
    },
    replyFormat: WireFormat,
    startedMs: number,
  ) {
    this.path = path;
    this.route = route;
    this.headers = headers;
    this.caller = caller;
    this.audit = audit;
    this.announcedLength = headers.contentLength === undefined ? undefined : Number(headers.contentLength);
    this.replyFormat = replyFormat;
    this.startedMs = startedMs;
  }
}
