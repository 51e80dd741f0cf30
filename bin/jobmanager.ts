// Entry of a JobManager process that this program starts; `millrace jobmanager` is the same.
import { fatal } from '../src/env/node/fatal.ts';
import { commandLine } from './command-line.ts';

commandLine(['jobmanager', ...process.argv.slice(2)]).catch(fatal);
