import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { tools } from './clone.mjs';
import { say } from './step.mjs';

const file = join(tools, 'lock');

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function holder() {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

function take() {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

/** Runs `work` while no other process of this clone installs. */
export async function withInstallationLock(work) {
  mkdirSync(tools, { recursive: true });
  let told = false;
  while (!take()) {
    const pid = holder();
    if (pid !== 0 && !isAlive(pid)) {
      // A killed run left this lock.
      rmSync(file, { force: true });
      continue;
    }
    if (!told) say(`Waiting for another installation in this clone (process ${pid}).`);
    told = true;
    await delay(200);
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}
