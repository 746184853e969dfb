import { errorText, invalid } from '@querator/core';

/** The schema of an outbox, unless another one is named. */
export const DEFAULT_SCHEMA = 'querator_outbox';

/** PostgreSQL cuts longer names. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/**
 * The name of a schema as SQL takes it.
 *
 * @throws QueueError `invalid` for a name with other characters than letters, digits and `_`.
 */
export function quotedSchema(schema: string = DEFAULT_SCHEMA): string {
  if (typeof schema !== 'string' || !NAME.test(schema)) {
    throw invalid(
      errorText`schema is invalid; '${String(schema)}' is not 1 to 63 letters, digits and underscores`,
    );
  }
  return `"${schema}"`;
}
