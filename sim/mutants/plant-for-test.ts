/** Comes before a test that is to fail (`--import`): plants the mutant that it is to find. */
import { assert } from '../../src/base/assert.ts';
import { MUTANTS } from './mutants.ts';
import { MUTANT, plant } from './plant.ts';

const name = process.env[MUTANT];
const mutant = MUTANTS.find((each) => each.name === name);
assert(mutant !== undefined, `there is no mutant ${name}`);
plant(mutant);
