/**
 * `npm run test:containers`: builds the server's image and its base images, runs
 * them, compose.yaml and the driver's tests in a separate container engine, and
 * removes everything. As root it installs missing Debian packages. Without an
 * engine it prints the reason, and counts nothing as passed.
 *
 *   npm run test:containers                 everything, about five minutes
 *   npm run test:containers -- --short      for CI: fewer of the driver's tests, one build
 */
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { runVitest } from '@querator/tooling-vitest/run-vitest';
import { CannotRunHere } from './cannot-run-here.ts';
import { composeProgram } from './engine/compose-program.ts';
import { Engine } from './engine/engine.ts';
import { installEngine } from './engine/packages.ts';
import { buildBaseImages } from './images/base-images.ts';
import { debianArchive } from './images/debian.ts';
import { buildServerImage, SERVER_IMAGE, SERVER_VERSION, UNVERSIONED_IMAGE } from './images/server-image.ts';
import { root } from './repository.ts';

const here = join(root, 'tooling/containers');
/** The driver's tests that depend most on the server in the container. */
const SHORT_DRIVER_TESTS = ['conformance', 'schema', 'permissions', 'documents'].map(
  (name) => `test/${name}`,
);
const SHORT_DRIVER_ENV = { QUERATOR_MODEL_RUNS: '5' };

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Prints a step and its duration. */
async function step<T>(name: string, work: () => Promise<T> | T): Promise<T> {
  const started = performance.now();
  const result = await work();
  say(`-- ${name} (${Math.round((performance.now() - started) / 1_000)} s)`);
  return result;
}

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: { short: { type: 'boolean', default: false } },
});
const counts = { passed: 0, failed: 0 };
const notRun: string[] = [];

/** Skips a step that this machine cannot run, and reports it at the end. */
async function unlessImpossible<T>(name: string, work: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CannotRunHere)) throw error;
    notRun.push(`NOT RUN: ${name}: ${error.message}`);
    return undefined;
  }
}

async function tests(name: string, folder: string, files: readonly string[], env: Record<string, string>) {
  const run = await runVitest(folder, files, env);
  counts.passed += run.passed;
  counts.failed += run.failed;
  if (run.failed > 0) say(run.output);
  say(`-- ${name}: ${run.passed} passed, ${run.failed} failed (${run.seconds} s)`);
}

async function runOn(engine: Engine): Promise<void> {
  await step('base images', () => buildBaseImages(engine));
  await step('docker/Dockerfile', () => buildServerImage(engine, SERVER_IMAGE, SERVER_VERSION));
  if (!values.short) {
    await step('docker/Dockerfile without VERSION', () => buildServerImage(engine, UNVERSIONED_IMAGE));
  }
  const compose = await unlessImpossible('compose.yaml', () => composeProgram());
  await unlessImpossible('podman as a service', () => engine.startService());
  const env = { ...engine.env, QUERATOR_CONTAINERS_COMPOSE: compose ?? '' };
  const own = values.short ? ['test/image', 'test/compose'] : ['test'];
  await tests(
    'docker/',
    here,
    compose === undefined ? own.filter((file) => file !== 'test/compose') : own,
    env,
  );
  const driver = values.short ? SHORT_DRIVER_TESTS : [];
  await tests('tests of the driver, in a container', join(root, 'packages/storage-postgres'), driver, {
    ...env,
    ...(values.short ? SHORT_DRIVER_ENV : {}),
    QUERATOR_TEST_POSTGRES_URL: '',
    QUERATOR_TEST_POSTGRES_VERSION: '',
    QUERATOR_TEST_POSTGRES_CONTAINER: 'required',
    // Without testcontainers' clean-up container: everything is removed with the engine.
    TESTCONTAINERS_RYUK_DISABLED: 'true',
  });
}

const engine = await unlessImpossible('containers', async () => {
  await step('programs', installEngine);
  const debian = await step('a Debian', debianArchive);
  return step('first container', () => Engine.start(debian));
});
if (engine !== undefined) {
  say(`-- podman with ${engine.driver}`);
  try {
    await runOn(engine);
  } catch (error) {
    counts.failed += 1;
    say(error instanceof Error ? error.message : String(error));
  } finally {
    engine.stop();
  }
}
for (const line of notRun) say(line);
say(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed > 0 ? 1 : 0;
