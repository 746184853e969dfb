import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { mustRun, runProgram } from '@querator/tooling-processes';
import openapiTS, { astToString } from 'openapi-typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer } from './test-server.ts';

const PROGRAM = 'produce-lease-complete.ts';
const TSC_FLAGS = [
  '--ignoreConfig',
  '--noEmit',
  '--strict',
  '--skipLibCheck',
  '--module',
  'nodenext',
  '--target',
  'esnext',
];

const openapi = fileURLToPath(new URL('../../../packages/protocol/gen/openapi.json', import.meta.url));
const source = fileURLToPath(new URL(`../typescript/${PROGRAM}`, import.meta.url));
const compiler = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
/** Below this package, so that the program finds its dependencies. */
const folder = fileURLToPath(new URL(`../test-results/typescript-${process.pid}/`, import.meta.url));

beforeAll(async () => {
  const document = JSON.parse(readFileSync(openapi, 'utf8'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}api.ts`, astToString(await openapiTS(document)));
  copyFileSync(source, folder + PROGRAM);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the compiler says about a program in the folder. */
function compile(name: string) {
  const flags = [...TSC_FLAGS, '--allowImportingTsExtensions', '--types', 'node'];
  return runProgram(compiler, [...flags, folder + name], { cwd: folder });
}

test('a client with generated types compiles, and produces, leases and completes', async () => {
  expect(await compile(PROGRAM)).toEqual({ code: 0, stdout: '', output: '' });
  const server = await startTestServer();
  try {
    const output = await mustRun(process.execPath, [folder + PROGRAM, server.url]);
    expect(JSON.parse(output)).toEqual({
      sameIds: true,
      payloads: ['one', 'two'],
      metadata: { from: 'types' },
      failed: [],
      reason: 'no_such_queue',
    });
  } finally {
    await server.stop();
  }
});

test('the generated types refuse a request without a required field, and an unknown field', async () => {
  const program = readFileSync(source, 'utf8');
  writeFileSync(`${folder}wrong.ts`, program.replace("client_id: 'c', batch_size", 'batchsize'));
  const { code, output } = await compile('wrong.ts');
  expect(code).not.toBe(0);
  expect(output).toContain('batchsize');
});
