// Entry of the command line. bin/millrace.js loads it, once it runs under the right Node.
import manifest from '../package.json' with { type: 'json' };

if (process.argv[2] === '--version') console.log(manifest.version);
else {
  console.error('This build of millrace answers `millrace --version` only.');
  process.exitCode = 1;
}
