/**
 * SQL for an array parameter whose length the planner does not look at.
 *
 * PostgreSQL keeps the plan of a prepared statement for any parameters only if it costs
 * no more than the plans for the given ones. For any array it assumes ten elements, so a
 * statement with fewer would be planned anew at each execution. Planning takes longer
 * than the execution then. For the array of a sub-select it always assumes ten.
 *
 * @param parameter the placeholder, such as `$1`.
 * @param type that of the elements.
 */
export function arrayParameter(parameter: string, type: string): string {
  return `(SELECT ${parameter}::${type}[])`;
}

/** SQL for a condition that holds for elements of an {@link arrayParameter}. */
export function isAmong(column: string, parameter: string, type: string): string {
  // Without the cast, this would ask for the rows of a query and not for the elements of an array.
  return `${column} = ANY (${arrayParameter(parameter, type)}::${type}[])`;
}
