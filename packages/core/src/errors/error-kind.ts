/**
 * Makes `instanceof` recognise the errors of every copy of a class. A driver may be installed
 * with its own copy of this package, and the server must still know its errors.
 *
 * Subclasses keep the usual `instanceof`.
 *
 * @param kind the same in every copy.
 */
export function markKind(errorClass: abstract new (...args: never[]) => Error, kind: string): void {
  const mark = Symbol.for(`@querator/core/${kind}`);
  Object.defineProperty(errorClass.prototype, mark, { value: true });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== errorClass) return Function.prototype[Symbol.hasInstance].call(this, value);
      return typeof value === 'object' && value !== null && mark in value;
    },
  });
}
