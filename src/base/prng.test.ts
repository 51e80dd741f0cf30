/**
 * Tests of the seeded generator: golden vectors, a reference in big integers, independence of
 * forks, uniformity.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from './prng.ts';

function take(random: Prng, count: number): number[] {
  return Array.from({ length: count }, () => random.uint32());
}

/** The generator written a second time, from its definition, in big integers. */
function reference(seed: bigint, count: number): number[] {
  const word = (value: bigint): bigint => BigInt.asUintN(32, value);
  let [a, b, c, counter] = [0n, word(seed), word(seed >> 32n), 1n];
  const next = (): bigint => {
    const out = word(a + b + counter);
    counter = word(counter + 1n);
    a = b ^ (b >> 9n);
    b = word(c + (c << 3n));
    c = word(word((c << 21n) | (c >> 11n)) + out);
    return out;
  };
  for (let round = 0; round < 12; round++) next();
  return Array.from({ length: count }, () => Number(next()));
}

test('P1: golden vectors', () => {
  assert.deepEqual(
    take(Prng.of(7), 5),
    [1837975287, 2099764152, 1321706041, 2064663467, 741845084],
  );
  assert.deepEqual(
    take(Prng.of(7).fork('network'), 5),
    [1418588577, 3661522439, 183990050, 77603969, 936652382],
  );
  assert.deepEqual(take(Prng.of(Number.MAX_SAFE_INTEGER), 3), [3268402823, 2602357022, 3266425223]);
  assert.deepEqual(take(Prng.of(-1).fork('a').fork('b'), 3), [3737762345, 3700879695, 1833643739]);
});

test('P1: the stream is sfc32, also for seeds beyond 32 bits and below zero', () => {
  for (const seed of [0, 1, 7, 0xffff_ffff, 0x1_0000_0000, -1, -0x1_0000_0001, 2 ** 53 - 1]) {
    assert.deepEqual(take(Prng.of(seed), 200), reference(BigInt(seed), 200), `seed ${seed}`);
  }
});

test('P1: a fork depends on seed and purpose alone, and forks differ', () => {
  const fresh = take(Prng.of(3).fork('disk'), 10);
  const drawn = Prng.of(3);
  take(drawn, 1000);
  assert.deepEqual(take(drawn.fork('disk'), 10), fresh);
  const streams = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    for (const purpose of ['', 'a', 'b', 'ab', 'ba', 'network', 'disk']) {
      streams.add(take(Prng.of(seed).fork(purpose), 2).join());
    }
    streams.add(take(Prng.of(seed), 2).join());
  }
  assert.equal(streams.size, 200 * 8);
});

test('P2: below is uniform and stays below its limit', () => {
  const random = Prng.of(11);
  for (const limit of [1, 2, 3, 7, 10, 1000, 0xffff_ffff, 0x1_0000_0000]) {
    for (let draw = 0; draw < 1000; draw++) {
      const value = random.below(limit);
      assert.ok(Number.isInteger(value) && value >= 0 && value < limit);
    }
  }
  const counts = new Array<number>(6).fill(0);
  for (let draw = 0; draw < 60_000; draw++) counts[random.below(6)]! += 1;
  const deviation = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert.ok(deviation < 20.5, `chi square ${deviation} with 5 degrees of freedom`);
  for (const limit of [0, -1, 1.5, NaN, 2 ** 33]) assert.throws(() => random.below(limit), /P2/);
});

test('P2: a limit that does not divide 2^32 is not biased', () => {
  const random = Prng.of(12);
  const limit = 3 * 2 ** 30;
  let lower = 0;
  for (let draw = 0; draw < 60_000; draw++) if (random.below(limit) < 2 ** 30) lower += 1;
  assert.ok(Math.abs(lower - 20_000) < 600, `${lower} of 60000 in the first third`);
});

test('derived draws keep to their ranges', () => {
  const random = Prng.of(5);
  for (let draw = 0; draw < 2000; draw++) {
    const value = random.between(-3, 4);
    assert.ok(Number.isInteger(value) && value >= -3 && value <= 4);
    const unit = random.unit();
    assert.ok(unit >= 0 && unit < 1);
    assert.equal(random.chance(0), false);
    assert.equal(random.chance(1), true);
    assert.ok(['x', 'y'].includes(random.pick(['x', 'y'])));
  }
  const shuffled = random.shuffle([1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(
    shuffled.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.notDeepEqual(shuffled, [1, 2, 3, 4, 5, 6, 7, 8]);
  const bytes = new Uint8Array(4096);
  random.fillBytes(bytes);
  assert.ok(new Set(bytes).size > 250);
  assert.throws(() => random.pick([]), /P2/);
  assert.throws(() => Prng.of(0.5), /P1/);
});
