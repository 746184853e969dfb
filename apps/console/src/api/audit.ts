import { call } from './call.ts';
import type { Page, Time } from './types.ts';

/** Who called what, and with what outcome. */
export interface AuditEvent {
  readonly id: string;
  readonly at: Time;
  readonly action: string;
  readonly outcome: 'begun' | 'ok' | 'failed';
  readonly username?: string;
  readonly user_id?: string;
  readonly key_id?: string;
  readonly peer?: string;
  readonly request_id?: string;
  readonly namespace?: string;
  readonly details?: Readonly<Record<string, string>>;
  readonly changes?: readonly { readonly field: string; readonly before?: string; readonly after?: string }[];
  readonly code?: number;
  readonly reason?: string;
}

/** Which events to list. An absent field: all. */
export interface AuditListRequest {
  readonly namespace?: string | undefined;
  readonly from?: Time | undefined;
  readonly to?: Time | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export const listAudit = (request: AuditListRequest, signal: AbortSignal): Promise<Page<AuditEvent>> =>
  call('v2/audit.list', request, { signal });
