/**
 * A process of its own that parses the modules named on its command line and dies of the first that
 * is not well formed, so that Node prints the place (see module-error.ts). Nothing is executed.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { SourceTextModule } from 'node:vm';

for (const path of process.argv.slice(2)) {
  const text = readFileSync(path, 'utf8');
  const source = /\.m?ts$/.test(path) ? stripTypeScriptTypes(text) : text;
  // oxlint-disable-next-line no-new
  new SourceTextModule(source, { identifier: path });
}
