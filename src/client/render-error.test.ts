// Which line of a stack is shown as the user's own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { renderError } from './render-error.ts';

function place(...frames: readonly string[]): string | undefined {
  const error = new EngineError('INTERNAL', { message: 'x' });
  error.stack = ['Error: x', ...frames.map((frame) => `    at ${frame}`)].join('\n');
  const text = renderError(error, { verbose: false, workingDirectory: '/here' });
  return /^ {2}at: (.*)$/m.exec(text)?.[1];
}

test('the first line that is neither of Node nor of the engine', () => {
  const own = new URL('./cli.ts', import.meta.url).href;
  assert.equal(place(`run (${own}:1:2)`, 'map (file:///here/a.ts:3:4)'), 'a.ts:3:4');
  assert.equal(place(`async ${own}:1:2`, 'async file:///other/b.ts:5:6'), '/other/b.ts:5:6');
  assert.equal(place(`async run (${own}:1:2)`, `async ${own}:1:2`), undefined);
  assert.equal(place('node:internal/x:1:2', 'f (file:///a/node_modules/b/c.js:1:2)'), undefined);
});
