/**
 * Draws of a simulation: a quarter of the sites active, fired in a quarter of their calls; streams
 * apart.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../src/base/prng.ts';
import { minutes } from '../src/base/units.ts';
import type { Env } from '../src/env/env.ts';
import { Buggify } from './random.ts';
import { simulation } from './simulation.ts';

test('buggify: a quarter of the sites is active in a seed, and fires in a quarter of the calls', () => {
  let active = 0;
  let fired = 0;
  for (let seed = 0; seed < 100; seed++) {
    const buggify = new Buggify(Prng.of(seed), true);
    for (let site = 0; site < 10; site++) {
      for (let call = 0; call < 100; call++) buggify.fires(`site ${site}`);
    }
    for (const count of buggify.fired.values()) {
      if (count > 0) active += 1;
      fired += count;
    }
  }
  assert.ok(Math.abs(active - 250) < 45, `${active} of 1000 sites`);
  assert.ok(Math.abs(fired / active - 25) < 2, `${fired / active} of 100 calls`);
});

test('buggify: a site is not moved by another, and none fires when it is off', () => {
  const alone = new Buggify(Prng.of(3), true);
  const mixed = new Buggify(Prng.of(3), true);
  for (let call = 0; call < 500; call++) {
    mixed.fires('other');
    assert.equal(mixed.fires('site'), alone.fires('site'));
  }
  const off = new Buggify(Prng.of(3), false);
  for (let site = 0; site < 100; site++) assert.equal(off.fires(`site ${site}`), false);
});

test('X2: draws of one process do not move those of another', async () => {
  const drawn = async (other: number): Promise<string> => {
    const world = simulation({ seed: 9 });
    const noisy = async (env: Env): Promise<void> => {
      for (let draw = 0; draw < other; draw++) env.random.uint32();
    };
    await world.runProcess(world.host('b'), noisy, minutes(1));
    return world.runProcess(
      world.host('a'),
      async ({ random }) => [random.uint32(), random.below(10), random.uuid()].join(),
      minutes(1),
    );
  };
  assert.equal(await drawn(0), await drawn(1000));
});

test('uuid is of version 4 and differs from draw to draw, bytes are as many as asked for', async () => {
  const world = simulation({ seed: 9 });
  await world.runProcess(
    world.host('a'),
    async ({ random }) => {
      const uuids = Array.from({ length: 50 }, () => random.uuid());
      assert.equal(new Set(uuids).size, 50);
      const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
      for (const uuid of uuids) assert.match(uuid, form);
      assert.equal(random.bytes(33).length, 33);
    },
    minutes(1),
  );
});
