import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { bytes, type Codec, json, PayloadError, type StandardSchema, text } from '../../src/index.ts';

const encode = (value: string) => new TextEncoder().encode(value);
const content = { encoding: '', kind: '' };

/** The error of a codec, thrown or rejected. */
async function fault(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('no error');
}

test('bytes pass through', () => {
  const payload = encode('hello');
  expect(bytes.encode(payload)).toBe(payload);
  expect(bytes.decode(payload, content)).toBe(payload);
});

test('text is UTF-8, and nothing else', async () => {
  expect(text.encode('é')).toEqual(encode('é'));
  expect(text.decode(encode('é'), content)).toBe('é');
  expect(await fault(() => text.decode(new Uint8Array([0xff]), content))).toBeInstanceOf(TypeError);
});

describe('json', () => {
  interface Mail {
    readonly to: string;
  }

  test('writes and reads values of a type', () => {
    const codec = json<Mail>();
    expectTypeOf(codec).toEqualTypeOf<Codec<Mail>>();
    expect(codec.encoding).toBe('application/json');
    expect(codec.encode({ to: 'a@b.org' })).toEqual(encode('{"to":"a@b.org"}'));
    expect(codec.decode(encode('{"to":"a@b.org"}'), content)).toEqual({ to: 'a@b.org' });
  });

  test('refuses what is not JSON', async () => {
    expect(await fault(() => json<Mail>().decode(encode('{"to":'), content))).toMatchObject({
      name: 'PayloadError',
      message: 'payload is not JSON',
    });
    expect(await fault(() => json<undefined>().encode(undefined))).toBeInstanceOf(PayloadError);
  });

  test('checks with a schema of zod, and gives what it returns', async () => {
    const codec = json(
      z.object({ to: z.email(), at: z.iso.datetime().transform((value) => new Date(value)) }),
    );
    expectTypeOf(codec).toEqualTypeOf<Codec<{ to: string; at: string }, { to: string; at: Date }>>();
    const sent = { to: 'a@b.org', at: '2026-01-01T00:00:00Z' };
    const payload = await codec.encode(sent);
    expect(payload).toEqual(encode(JSON.stringify(sent)));
    expect(await codec.decode(payload, content)).toEqual({ to: 'a@b.org', at: new Date(sent.at) });
    const wrong = await fault(() => codec.encode({ to: 'nobody', at: sent.at }));
    expect(wrong).toBeInstanceOf(PayloadError);
    expect(wrong).toMatchObject({ message: 'payload is invalid; to: Invalid email address' });
    expect(await fault(() => codec.decode(encode('[]'), content))).toBeInstanceOf(PayloadError);
  });

  test('checks with a schema that answers later', async () => {
    const schema: StandardSchema<unknown, number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) =>
          typeof value === 'number'
            ? { value: value + 1 }
            : { issues: [{ message: 'no number', path: ['a', { key: 0 }] }] },
      },
    };
    const codec = json(schema);
    expect(await codec.encode(1)).toEqual(encode('1'));
    expect(await codec.decode(encode('1'), content)).toBe(2);
    expect(await fault(() => codec.decode(encode('"1"'), content))).toMatchObject({
      message: 'payload is invalid; a.0: no number',
    });
  });

  test('repeats at most 100 characters of a fault', async () => {
    const schema = z.string().refine(() => false, { error: 'x'.repeat(5_000) });
    const error = await fault(() => json(schema).encode('a'));
    expect((error as Error).message.length).toBeLessThan(130);
  });
});
