// Entry of a TaskManager process that this program starts; `millrace taskmanager` is the same.
import { fatal } from '../src/env/node/fatal.ts';
import { commandLine } from './command-line.ts';

commandLine(['taskmanager', ...process.argv.slice(2)]).catch(fatal);
