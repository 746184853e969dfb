import { visibleLine } from '../observability/visible-text.ts';

/** The longest text of a cell, in characters. */
const MOST_CHARACTERS = 60;

/** A table for people: columns with their heads, as wide as their texts. Long texts are cut. */
export function textTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heads, ...rows.map((row) => row.map(cell))];
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function cell(text: string): string {
  const visible = visibleLine(text);
  return visible.length > MOST_CHARACTERS ? `${visible.slice(0, MOST_CHARACTERS - 1)}…` : visible;
}
