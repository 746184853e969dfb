/** What a field holds. There are no other kinds in this API. */
export type FieldKind = 'string' | 'bytes' | 'int32' | 'bool' | 'timestamp' | 'message' | 'map';

/** One field of a message: one row of messages.md. */
export interface FieldSpec {
  readonly number: number;
  /** The property of the TypeScript type. */
  readonly name: string;
  /** The name in the .proto file, which JSON input may use as well. */
  readonly protoName: string;
  /** The name in JSON. */
  readonly jsonName: string;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** The table of the inner message, where `kind` is `message`. */
  readonly message?: MessageTable;
}

/** A field with what the codecs would otherwise compute for every message anew. */
export interface FieldTable extends FieldSpec {
  /** `,"name":` as bytes. */
  readonly jsonKey: Uint8Array;
}

/** The fields of a message, in declaration order, with the ways they are looked up. */
export interface MessageTable {
  readonly name: string;
  readonly fields: readonly FieldTable[];
  /** By number. The numbers are small, and an array is the fastest map from them. */
  readonly byNumber: readonly (FieldTable | undefined)[];
  /** The index in `fields` by both spellings. A Map, so that `__proto__` is as unknown as any other word. */
  readonly byJsonName: ReadonlyMap<string, number>;
}

/** Puts the table of a message together. Called by the generated code. */
export function messageTable(name: string, specs: readonly FieldSpec[]): MessageTable {
  const encoder = new TextEncoder();
  const fields = specs.map((spec) => ({ ...spec, jsonKey: encoder.encode(`,"${spec.jsonName}":`) }));
  const greatest = Math.max(0, ...fields.map((field) => field.number));
  const byNumber = new Array<FieldTable | undefined>(greatest + 1).fill(undefined);
  for (const field of fields) byNumber[field.number] = field;
  const byJsonName = new Map<string, number>();
  for (const [index, field] of fields.entries()) {
    byJsonName.set(field.protoName, index);
    byJsonName.set(field.jsonName, index);
  }
  return { name, fields, byNumber, byJsonName };
}
