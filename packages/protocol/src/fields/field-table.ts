/** The type of a field. The API has no other types. An `int64` is a safe integer. */
export type FieldKind = 'string' | 'bytes' | 'int32' | 'int64' | 'bool' | 'timestamp' | 'message' | 'map';

/** One field of a message. */
export interface FieldSpec {
  readonly number: number;
  /** The property name in TypeScript. */
  readonly name: string;
  /** The name in the .proto file. JSON input may use it too. */
  readonly protoName: string;
  /** The name in JSON. */
  readonly jsonName: string;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** The table of the inner message, if `kind` is `message`. */
  readonly message?: MessageTable;
}

/** A field with values that the codecs would otherwise compute for each message. */
export interface FieldTable extends FieldSpec {
  /** `,"name":` as bytes. */
  readonly jsonKey: Uint8Array;
}

/** The fields of a message, in declaration order and by number and name. */
export interface MessageTable {
  readonly name: string;
  /** A message whose fields all have their defaults. */
  readonly create: () => Record<string, unknown>;
  readonly fields: readonly FieldTable[];
  /** By field number. The numbers are small, and an array is the fastest map. */
  readonly byNumber: readonly (FieldTable | undefined)[];
  /** The index in `fields` by both names. A Map, so that `__proto__` is an unknown name too. */
  readonly byJsonName: ReadonlyMap<string, number>;
}

/** The default of a `bytes` field. All messages share it. */
export const NO_BYTES = new Uint8Array(0);

/** Makes the table of a message. The generated code calls it. */
export function messageTable(
  name: string,
  create: () => Record<string, unknown>,
  specs: readonly FieldSpec[],
): MessageTable {
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
  return { name, create, fields, byNumber, byJsonName };
}
