import { type LogFields, QueueError, StorageError } from '@querator/core';

/** Characters of a text that are logged. */
const TEXT_LENGTH = 2_000;
/** Lines of a stack that are logged. */
const STACK_LINES = 12;
/** The depth of nested causes of an error that is logged. */
const CAUSES = 4;
/** Elements of a list that are logged. */
const ELEMENTS = 20;

/** Cuts the fields of a log line: texts from outside may have any length. */
export function boundedFields(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, bounded(value)]));
}

/** Cuts a long text, and appends its length. */
export function boundedText(text: string, length = TEXT_LENGTH): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length} characters)`;
}

function bounded(value: unknown): unknown {
  if (typeof value === 'string') return boundedText(value);
  if (value instanceof Error) return boundedError(value, CAUSES);
  if (!Array.isArray(value)) return value;
  const rest = value.length - ELEMENTS;
  return [...value.slice(0, ELEMENTS).map(bounded), ...(rest > 0 ? [`… and ${rest} more`] : [])];
}

function boundedError(error: Error, causes: number): LogFields {
  const { code, sqlState, outcome } = error as { code?: unknown; sqlState?: unknown; outcome?: unknown };
  const parts = error instanceof AggregateError ? error.errors : [];
  return {
    type: error.name,
    message: boundedText(error.message),
    ...present({ code, sqlState, outcome }),
    ...(parts.length > 0
      ? {
          errors: parts
            .slice(0, ELEMENTS)
            .map(String)
            .map((text) => boundedText(text)),
        }
      : {}),
    ...(isExpected(error) ? {} : { stack: boundedStack(error) }),
    ...(causes > 0 && error.cause instanceof Error ? { cause: boundedError(error.cause, causes - 1) } : {}),
  };
}

function present(fields: LogFields): LogFields {
  const isPlain = (value: unknown) => typeof value === 'string' || typeof value === 'number';
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isPlain(value)));
}

/** The stack of these errors says nothing that their text does not. */
function isExpected(error: Error): boolean {
  return error instanceof StorageError || error instanceof QueueError;
}

function boundedStack({ stack = '', message }: Error): string {
  // The stack begins with the message, which has a field of its own.
  const from = message !== '' && stack.includes(message) ? stack.indexOf(message) + message.length : 0;
  const lines = stack.slice(from, from + TEXT_LENGTH).split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .slice(0, STACK_LINES)
    .join('\n');
}
