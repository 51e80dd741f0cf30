// Entry of the process that keeps those of a cluster on this machine running.
import { fatal } from '../src/env/node/fatal.ts';
import { commandLine } from './command-line.ts';

commandLine(['supervisor', ...process.argv.slice(2)]).catch(fatal);
