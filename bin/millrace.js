#!/usr/bin/env node
// Starts the command line under the right Node. Under npx and npm scripts that is the Node which
// met this file (`npm ci` puts the pinned one into node_modules/.bin, first in their PATH), and
// nothing else is started. Any other Node hands over to the pinned one: by replacing itself where
// it can, else as a parent that passes signals on and ends as its child ends.
//
// Old Nodes must be able to read this file far enough to say what is wrong: ES5, no import, no
// export, and right both as an ES module (as package.json says) and as CommonJS (Node before
// 12.17).
'use strict';

(function launch() {
  var load = typeof require === 'function' ? require : loadBuiltin;
  if (typeof require !== 'function' && typeof process.getBuiltinModule !== 'function') {
    return refuse('Start it with `npx millrace` inside the checkout, which finds the right one.');
  }
  var fs = load('fs');
  var path = load('path');
  var createRequire = load('module').createRequire;
  var file = fs.realpathSync(process.argv[1]);
  var root = path.dirname(path.dirname(file));
  var pinned = findPinnedNode(fs, path, root);

  if (pinned && fs.realpathSync(process.execPath) !== pinned) return handOver(load, pinned, file);
  if (parseInt(process.versions.node, 10) < 24) {
    return refuse(
      fs.existsSync(path.join(root, 'tools', 'node'))
        ? 'Run `npm ci` in ' + root + ', which brings Node along, then try again.'
        : 'Install Node 24 or newer, then try again.',
    );
  }
  watchParent();
  // Compiled code, and sources stripped of their types, are kept between runs. The variable is for
  // worker threads and processes, which do not take the setting over. Where the folder cannot be
  // written Node goes on without.
  var cache = path.join(root, 'node_modules', '.cache', 'millrace');
  if (!process.env.NODE_COMPILE_CACHE) process.env.NODE_COMPILE_CACHE = cache;
  load('module').enableCompileCache(cache);
  createRequire(file)(packedEngine(fs, path, root) || ownEngine(fs, path, root));
})();

// The engine as few files (scripts/pack-engine.ts), unless one that went into them has changed.
function packedEngine(fs, path, root) {
  var published = path.join(root, 'engine', 'bin', 'cli.js');
  if (fs.existsSync(published)) return published;
  var folder = path.join(root, 'node_modules', '.cache', 'millrace-engine');
  var current = path.join(folder, 'current.json');
  if (!fs.existsSync(current)) return undefined;
  var packed = JSON.parse(fs.readFileSync(current, 'utf8'));
  for (var i = 0; i < packed.inputs.length; i++) {
    var input = packed.inputs[i];
    var now = fs.statSync(path.join(root, input[0]), { throwIfNoEntry: false });
    if (!now || now.size !== input[1] || now.mtimeMs !== input[2]) return undefined;
  }
  var entry = path.join(folder, packed.pack, 'bin', 'cli.js');
  return fs.existsSync(entry) ? entry : undefined;
}

function ownEngine(fs, path, root) {
  return path.join(
    root,
    'bin',
    fs.existsSync(path.join(root, 'bin', 'cli.ts')) ? 'cli.ts' : 'cli.js',
  );
}

function loadBuiltin(name) {
  return process.getBuiltinModule(name);
}

// The binary that tools/node names for this platform, or undefined: a published package has none.
function findPinnedNode(fs, path, root) {
  var binary = path.join('bin', process.platform === 'win32' ? 'node.exe' : 'node');
  var manifest = path.join(root, 'tools', 'node', 'package.json');
  if (!fs.existsSync(manifest)) return undefined;
  var names = Object.keys(JSON.parse(fs.readFileSync(manifest, 'utf8')).optionalDependencies);
  for (var i = 0; i < names.length; i++) {
    var candidate = path.join(root, 'node_modules', names[i], binary);
    if (fs.existsSync(candidate)) return fs.realpathSync(candidate);
  }
  return undefined;
}

// npm starts commands through a shell and, told to end, ends that shell alone: the job would live
// on with nobody to stop it. So a command that npm started takes the loss of its parent for
// SIGTERM.
function watchParent() {
  var parent = process.ppid;
  if (process.platform === 'win32' || !/millrace/.test(process.env.npm_lifecycle_script)) return;
  var watch = setInterval(function () {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 200);
  watch.unref();
}

function handOver(load, pinned, file) {
  var args = process.execArgv.concat(file, process.argv.slice(2));
  if (process.execve && process.platform !== 'win32') {
    process.execve(pinned, [pinned].concat(args), process.env);
  }
  var child = load('child_process').spawn(pinned, args, { stdio: 'inherit' });
  ['SIGTERM', 'SIGHUP', 'SIGINT'].forEach(function (signal) {
    process.on(signal, function () {
      // A terminal sends Ctrl-C to both; passing it on would make it two.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on('error', function (error) {
    refuse('The one that `npm ci` installed does not start (' + error.message + ').');
  });
  child.on('exit', function (code, signal) {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function refuse(fix) {
  console.error('millrace does not run on Node ' + process.versions.node + '. ' + fix);
  process.exitCode = 1;
}
