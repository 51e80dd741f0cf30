/**
 * A part of the crash-point sweep (`npm run sim -- --crash-points` runs all of it): at points all
 * over the story a process is killed before, after and in the middle of what it does, and the
 * output is exact all the same.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cases } from '../../src/base/cases.test-kit.ts';
import { JobModules } from '../modules.ts';
import { countPoints, crashCases, partOf } from './crash-cases.ts';
import { STORY_JOB, tellStory } from './story.ts';

test('the output is exact whatever point a process is killed at', async () => {
  await using jobs = await JobModules.bundle({ [STORY_JOB.url]: STORY_JOB.file });
  const points = await tellStory(jobs);
  assert.deepEqual(await tellStory(jobs), points, 'Z1: a second run has the same points');
  const phases = new Set(points.map(({ phase }) => phase));
  assert.deepEqual([...phases], ['checkpoint', 'commit', 'restore', 'takeover', 'rescale']);
  for (const phase of phases) {
    for (const process of ['jobmanager', 'taskmanager']) {
      for (const kind of ['disk', 'send', 'receive']) {
        const named = countPoints(points).filter((line) =>
          line.startsWith(`${phase}: ${kind} of the ${process}: `),
        );
        const isQuiet = phase === 'restore' && process === 'jobmanager' && kind === 'disk';
        if (!isQuiet) assert.equal(named.length, 1, `${phase} ${kind} ${process}`);
      }
    }
  }
  const all = crashCases(points);
  for (const target of partOf(all, Math.ceil(all.length / cases(12, 200)), 5)) {
    const { phase, process, what } = points[target.index]!;
    const where = `${target.index} ${target.mode}: ${phase}, ${process}, ${what}`;
    try {
      await tellStory(jobs, target);
    } catch (error) {
      throw new Error(`a crash at ${where}`, { cause: error });
    }
  }
});
