import { type AuditDeps, type AuditedCall, AuditRecord } from './audit-record.ts';

/** Tells who makes the calls that change settings, access or any number of items, and with what outcome. */
export class Audit {
  readonly #deps: AuditDeps;

  constructor(deps: AuditDeps) {
    this.#deps = deps;
  }

  /** Begins the record of a call. Call it while the client is connected. */
  record(call: AuditedCall): AuditRecord {
    return new AuditRecord(this.#deps, call);
  }
}
