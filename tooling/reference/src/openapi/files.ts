import { readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { openApiDocument } from './document.ts';

const FOLDER = new URL('../../../../packages/protocol/gen/', import.meta.url);

/** The files of the document: YAML for people, JSON for the server. */
export const OPENAPI_FILES = ['openapi.yaml', 'openapi.json'] as const;

type OpenApiFile = (typeof OPENAPI_FILES)[number];

const YAML_OPTIONS = {
  lineWidth: 120,
  aliasDuplicateObjects: false,
  // Many readers know YAML 1.1 only: they would take a text that looks like a time for one.
  compat: 'yaml-1.1',
} as const;

/** Each operation and each component of the JSON has a line of its own, so that git can merge changes of others. */
const LEVELS_IN_LINES = 3;

/** What the files should be. */
export function renderOpenApi(): Readonly<Record<OpenApiFile, string>> {
  const document = openApiDocument();
  return {
    'openapi.yaml': stringify(document, YAML_OPTIONS),
    'openapi.json': `${jsonInLines(document, LEVELS_IN_LINES)}\n`,
  };
}

function jsonInLines(value: unknown, levels: number): string {
  if (levels === 0 || typeof value !== 'object' || value === null || Array.isArray(value)) {
    return JSON.stringify(value);
  }
  const lines = Object.entries(value).map(
    ([key, inner]) => `${JSON.stringify(key)}:${jsonInLines(inner, levels - 1)}`,
  );
  return `{\n${lines.join(',\n')}\n}`;
}

/** The text of a file as it is committed. Empty: it is missing. */
export function readOpenApi(name: OpenApiFile): string {
  try {
    return readFileSync(new URL(name, FOLDER), 'utf8');
  } catch {
    return '';
  }
}

/** Writes a file. */
export function writeOpenApi(name: OpenApiFile, text: string): void {
  writeFileSync(new URL(name, FOLDER), text);
}
