// Counts words. Notice: a stream has no end in general, so that each word comes out with its count
// so far; the last line of a word holds the final count. Try `--param text="..."` and `-p 2`.
import { count, defineJob, param, t } from 'millrace';

const TEXT = `
  To be, or not to be, that is the question:
  Whether 'tis nobler in the mind to suffer
  The slings and arrows of outrageous fortune,
  Or to take arms against a sea of troubles
  And by opposing end them.`;

export default defineJob({
  name: 'word-count',
  params: { text: param(t.string, TEXT, 'what to count') },
  build(env, { text }) {
    env
      .fromElements(...text.split('\n'))
      .flatMap((line) => line.toLowerCase().match(/\p{L}+/gu) ?? [])
      .keyBy((word) => word)
      .aggregate(count())
      .map(({ key, value }) => `${key} ${value}`)
      .print();
  },
});
