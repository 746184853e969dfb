import type { ErrorCode } from '@querator/core';
import { ERROR_STATUSES } from '@querator/protocol';
import type { Check } from '../checks/check.ts';
import type { Json } from './field-schema.ts';

/** An error, as far as a document shows it. */
export type DocumentedError = Pick<Check, 'when' | 'text' | 'code' | 'reason'>;

const NAME_LENGTH_MAX = 60;

/** The examples of errors that several calls share, as components. */
export class ErrorExamples {
  readonly #names = new Map<string, string>();
  readonly #components = new Map<string, Json>();

  /** References to the examples of errors of one status, numbered in their order. */
  refs(errors: readonly DocumentedError[]): Json {
    const refs = errors.map((error, index) => [
      `error-${index + 1}`,
      { $ref: `#/components/examples/${this.#nameOf(error)}` },
    ]);
    return Object.fromEntries(refs);
  }

  /** All examples that were referred to. */
  components(): Json {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #nameOf(error: DocumentedError): string {
    const value = exampleReply(error);
    const key = JSON.stringify(value);
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = this.#unused(slugOf(error.text));
    this.#names.set(key, name);
    this.#components.set(name, { summary: plainText(error.when), value });
    return name;
  }

  #unused(slug: string): string {
    for (let count = 1; ; count++) {
      const name = count === 1 ? slug : `${slug}-${count}`;
      if (!this.#components.has(name)) return name;
    }
  }
}

/** The HTTP status of an error. */
export function statusOf({ code = 'invalid' }: { readonly code?: ErrorCode }): number {
  return ERROR_STATUSES[code].status;
}

/** Markdown without its links. */
export function plainText(markdown: string): string {
  return markdown.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1');
}

/** The reply with this error. `<name>` stands for a part that varies. */
function exampleReply({ text, code = 'invalid', reason }: DocumentedError): Json {
  const { status, codeText } = ERROR_STATUSES[code];
  const details = {
    ...(reason !== undefined && { code: reason }),
    ...(code === 'limited' && { retry_after: '1s' }),
  };
  return {
    code: status,
    code_text: codeText,
    message: text,
    ...(Object.keys(details).length > 0 && { details }),
  };
}

function slugOf(text: string): string {
  const words = text.toLowerCase().replaceAll(/[^a-z0-9_]+/g, '-');
  return words.replaceAll(/^-+/g, '').slice(0, NAME_LENGTH_MAX).replaceAll(/-+$/g, '');
}
