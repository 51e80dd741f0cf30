// Entry of the command line `millrace`. bin/millrace.js loads it, once it runs under the right
// Node.
import { fatal } from '../src/env/node/fatal.ts';
import { commandLine } from './command-line.ts';

// No top-level await: the launcher loads this file with require.
commandLine(process.argv.slice(2)).catch(fatal);
