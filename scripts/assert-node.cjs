// Ends with one sentence unless this is the Node that the repository brings along. It runs first in
// `npm test` and `npm run check`, under whatever Node was found, so it keeps to the oldest syntax.
'use strict';

var wanted = require('../tools/node/package.json').version;

if (process.versions.node !== wanted) {
  console.error(
    'This is Node ' +
      process.versions.node +
      ' (' +
      process.execPath +
      '), the project runs on ' +
      wanted +
      ', which it installs itself: run `npm ci`, then start things with `npm run` or `npx`, ' +
      'which find it in node_modules/.bin. If that has been done, check that npm was not told to ' +
      'leave out optional packages (`npm config get omit`) and that this platform (' +
      process.platform +
      '-' +
      process.arch +
      ') is one of those in tools/node/package.json.',
  );
  process.exit(1);
}
