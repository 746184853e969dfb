/** What several calls of the API have in common, as JSON. A field that has its default is absent. */

/** A point in time in RFC 3339: `2026-01-31T12:00:00.123456Z`. */
export type Time = string;

/** A span of time as the API writes it: `1m30s`. */
export type Span = string;

/** A page of a list. */
export interface Page<Row> {
  readonly items?: readonly Row[];
  /** Where the next page begins. Absent: this is the last one. */
  readonly cursor?: string;
}
