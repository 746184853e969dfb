import process from 'node:process';
import { driver } from '../src/index.ts';

/* Makes a backup, in a process of its own as the command does. */
const [path = '', target = ''] = process.argv.slice(2);
await driver.backup?.({ path }).write(target);
