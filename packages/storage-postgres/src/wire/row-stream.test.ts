import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowStream } from './row-stream.ts';

interface Message {
  readonly kind: string;
  readonly body: Uint8Array;
}

const FIELDS = { number: 1, bytes: 2 };

/** A row with one field. */
const dataRow = fc.uint8Array({ maxLength: 300 }).map((field): Message => {
  const body = Buffer.alloc(2 + 4 + field.length);
  body.writeInt16BE(FIELDS.number, 0);
  body.writeInt32BE(field.length, FIELDS.bytes);
  body.set(field, FIELDS.bytes + 4);
  return { kind: 'D', body };
});
const otherMessage = fc.record({
  kind: fc.constantFrom('T', 'C', 'Z', 'N', 'A', '2', 'd'),
  body: fc.uint8Array({ maxLength: 300 }),
});
const messages = fc.array(fc.oneof(dataRow, otherMessage), { maxLength: 20 });
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

function encode({ kind, body }: Message): Buffer {
  const header = Buffer.alloc(5);
  header.write(kind, 'latin1');
  header.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([header, body]);
}

/** The bytes in pieces. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((share) => Math.round(share * bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((place, n) => bytes.subarray(places[n], place));
}

describe('the bytes that a server sends', () => {
  it('passes to `pg` unchanged while no statement takes rows', () => {
    fc.assert(
      fc.property(messages, cuts, (all, at) => {
        const forwarded: Buffer[] = [];
        const stream = new RowStream((bytes) => forwarded.push(bytes));
        const sent = Buffer.concat(all.map(encode));
        for (const piece of cut(sent, at)) stream.push(piece);
        expect(Buffer.concat(forwarded)).toEqual(sent);
      }),
    );
  });

  it('is separated into rows and other messages, wherever it is cut', () => {
    fc.assert(
      fc.property(messages, cuts, (all, at) => {
        const events: unknown[] = [];
        const stream = new RowStream((bytes) => {
          const last = events.at(-1);
          if (Buffer.isBuffer(last)) events.splice(-1, 1, Buffer.concat([last, bytes]));
          else events.push(bytes);
        });
        stream.take = (row) => void events.push([...row.bytes()]);
        for (const piece of cut(Buffer.concat(all.map(encode)), at)) stream.push(piece);

        const expected: unknown[] = [];
        for (const message of all) {
          const last = expected.at(-1);
          if (message.kind === 'D') expected.push([...message.body.subarray(FIELDS.bytes + 4)]);
          else if (Buffer.isBuffer(last)) expected.splice(-1, 1, Buffer.concat([last, encode(message)]));
          else expected.push(encode(message));
        }
        expect(events).toEqual(expected);
      }),
    );
  });

  it('is taken from the first message after a statement begins to take rows', () => {
    fc.assert(
      fc.property(messages, dataRow, messages, cuts, (before, row, after, at) => {
        let forwarded = 0;
        const taken: number[][] = [];
        const stream = new RowStream((bytes) => {
          forwarded += bytes.length;
        });
        const first = Buffer.concat(before.map(encode));
        // A message that the server sends unasked may be cut anywhere.
        const notice = encode({ kind: 'A', body: Buffer.alloc(40) });
        stream.push(first);
        stream.push(notice.subarray(0, 17));
        stream.take = (each) => void taken.push([...each.bytes()]);
        const rest = Buffer.concat([notice.subarray(17), encode(row), ...after.map(encode)]);
        for (const piece of cut(rest, at)) stream.push(piece);
        const rows = [row, ...after.filter(({ kind }) => kind === 'D')];
        expect(taken).toEqual(rows.map(({ body }) => [...body.subarray(FIELDS.bytes + 4)]));
        const others = after.filter(({ kind }) => kind !== 'D').map(encode);
        expect(forwarded).toBe(first.length + notice.length + Buffer.concat(others).length);
      }),
    );
  });
});
