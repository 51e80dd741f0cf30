// The proof of ring and doorbell: the product's own code in every order of its word operations,
// with kills; and mutants of it, each of which the same exploration must find.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { explore, Violation } from './interleaving.test-kit.ts';
import type { Scenario } from './interleaving.test-kit.ts';
import { bellScenario, c, d, loadCode, ringScenario } from './ring-parties.test-kit.ts';
import type { Code, Mutation } from './ring-parties.test-kit.ts';

// ----------------------------------------------------------------------------------- the scripts

/** Wraps twice, is full more than once, skips at the end, flushes late. */
const LONG = [d(8, false), d(17), d(24), d(15), d(0, false), d(17)];
/** Data fills its part while control comes between. */
const WITH_CONTROL = [d(16), d(16, false), d(4), c(8), d(9)];

/** Is full, wraps with a skip: short enough to be killed everywhere. */
const SHORT = [d(24, false), d(16), d(17)];

const SCRIPTS: Readonly<Record<string, (code: Code) => Scenario>> = {
  'many frames': (code) => ringScenario(code, { frames: LONG }),
  'control frames': (code) => ringScenario(code, { frames: WITH_CONTROL, controlBytes: 16 }),
  'woken by timers too': (code) => ringScenario(code, { frames: SHORT, timers: 1 }),
  'producer killed': (code) => ringScenario(code, { frames: SHORT, kill: 'producer' }),
  'consumer killed': (code) => ringScenario(code, { frames: SHORT, kill: 'consumer' }),
  'producer killed and replaced': (code) =>
    ringScenario(code, { frames: [d(9, false), d(16)], kill: 'producer', restart: true }),
  'two ringers': (code) => bellScenario(code, { kills: 0, timers: 2 }),
  'a ringer killed': (code) => bellScenario(code, { kills: 1, timers: 1 }),
};

let product: Code;
before(async () => {
  product = await loadCode();
});

for (const [name, scenario] of Object.entries(SCRIPTS)) {
  test(`every order of word operations: ${name}`, (t) => {
    const { states, ends } = explore(scenario(product));
    t.diagnostic(`${states} states, ${ends} ends`);
    assert.ok(states > 100 && ends > 0, 'nothing was explored');
  });
}

// ------------------------------------------------------------------------------------ the mutants

interface Mutant extends Mutation {
  /** The scripts that must find it. */
  readonly foundBy: readonly string[];
}

const MUTANTS: Readonly<Record<string, Mutant>> = {
  'commit before the frame is written': {
    file: 'ring.ts',
    find: '    this.#frames[at * 2] = (kind << 24) | length;\n',
    replace: `    this.#region.store(RingWord.tail, (this.#reservedAt + unitsOf(length)) | 0);
      this.#frames[at * 2] = (kind << 24) | length;\n`,
    foundBy: ['many frames', 'producer killed'],
  },
  'tail moved by the reservation': {
    file: 'ring.ts',
    find: '    this.#reservedBytes = maxBytes;\n',
    replace: `    this.#reservedBytes = maxBytes;
      this.#region.store(RingWord.tail, (this.#reservedAt + units) | 0);\n`,
    foundBy: ['many frames', 'producer killed'],
  },
  'no skip marker': {
    file: 'ring.ts',
    find: 'if (this.#reservedAt !== this.#tail)',
    replace: 'if (false)',
    foundBy: ['many frames'],
  },
  'skipped part stays taken': {
    file: 'ring.ts',
    find: '      this.#head = (this.#head + this.#capacity - at) | 0;\n',
    replace: '',
    foundBy: ['many frames'],
  },
  'one unit more than there is': {
    file: 'ring.ts',
    find: 'if (((end - this.#head) | 0) <= limit) return true;',
    replace: 'if (((end - this.#head) | 0) <= limit + 3) return true;',
    foundBy: ['many frames'],
  },
  'data in the room of control frames': {
    file: 'ring.ts',
    find: "room === 'data' ? this.#dataLimit : this.#capacity",
    replace: 'this.#capacity',
    foundBy: ['control frames'],
  },
  'room given back before the frame is read': {
    file: 'ring.ts',
    find: '    this.#peeked = 0;\n  }',
    replace: '    this.#peeked = 0;\n    this.#region.store(RingWord.head, this.#head);\n  }',
    foundBy: ['many frames'],
  },
  'room is not asked for': {
    file: 'ring.ts',
    find: '    this.#region.store(RingWord.roomWanted, 1);\n',
    replace: '',
    foundBy: ['many frames'],
  },
  'no look after asking for room': {
    file: 'ring.ts',
    find: '    return this.#fits(units, room);\n  }\n}',
    replace: '    return false;\n  }\n}',
    foundBy: ['many frames'],
  },
  'room is asked for only once': {
    file: 'ring.ts',
    find: ' || this.#wait(total, this.#refusedRoom)',
    replace: '',
    foundBy: ['many frames'],
  },
  'nobody is told of room': {
    file: 'ring.ts',
    find: 'return this.#region.exchange(RingWord.roomWanted, 0) === 1;',
    replace: 'return false;',
    foundBy: ['many frames'],
  },
  'the end is seen before the last frames': {
    file: 'ring.ts',
    find: "return peer !== 'open' && this.hasFrame ? 'open' : peer;",
    replace: 'return peer;',
    foundBy: ['many frames', 'producer killed'],
  },
  'attaching without looking': {
    file: 'ring.ts',
    find: 'if (region.compareExchange(word, free, attached) !== free) return false;',
    replace: 'region.store(word, attached);',
    foundBy: ['producer killed and replaced'],
  },
  'the next generation begins under a reader': {
    file: 'ring-owner.ts',
    find: '  if ((region.load(RingWord.consumer) & 3) === RingSideState.attached) return false;\n',
    replace: '',
    foundBy: ['producer killed and replaced'],
  },
  'the dead stay attached': {
    file: 'ring-owner.ts',
    find: '  replaceState(region, ended, generation, RingSideState.attached);\n',
    replace: '',
    foundBy: ['producer killed and replaced'],
  },
  'retired, and nobody told': {
    file: 'doorbell.ts',
    find: '  region.store(word, 0);\n  region.notify(word);\n',
    replace: '',
    foundBy: ['producer killed', 'consumer killed', 'a ringer killed'],
  },
  'alarm only for a word that is 1': {
    file: 'doorbell.ts',
    find: '  region.store(word, 0);\n  region.notify(word);\n',
    replace: '  ringDoorbell(region, word);\n',
    foundBy: ['a ringer killed', 'producer killed'],
  },
  'notify forgotten': {
    file: 'doorbell.ts',
    find: '  region.notify(word);\n  return true;',
    replace: '  return true;',
    foundBy: ['two ringers', 'many frames'],
  },
  'no second look': {
    file: 'doorbell.ts',
    find: 'if (hasWork()) {',
    replace: 'if (false) {',
    foundBy: ['two ringers', 'many frames'],
  },
  'the look comes first': {
    file: 'doorbell.ts',
    find: '    this.region.store(this.word, 1);\n    if (hasWork()) {',
    replace: `    const found = hasWork();
      this.region.store(this.word, 1);
      if (found) {`,
    foundBy: ['two ringers', 'many frames'],
  },
  'a wait for every sleep': {
    file: 'doorbell.ts',
    find: 'if (!this.#isArmed) {',
    replace: 'if (true) {',
    foundBy: ['two ringers', 'woken by timers too'],
  },
  'armed for ever': {
    file: 'doorbell.ts',
    find: '    this.#isArmed = false;\n',
    replace: '',
    foundBy: ['two ringers', 'many frames'],
  },
};

for (const [name, mutant] of Object.entries(MUTANTS)) {
  test(`mutant found: ${name}`, async (t) => {
    const code = await loadCode(mutant);
    for (const script of mutant.foundBy) {
      assert.throws(
        () => explore(SCRIPTS[script]!(code)),
        (thrown: unknown) => {
          assert.ok(thrown instanceof Violation);
          t.diagnostic(`${script}: ${thrown.message.split('\n')[0]!}`);
          return true;
        },
        `${script} did not find it`,
      );
    }
  });
}
