// The smallest job: ten numbers into nothing.
import { defineJob, discard } from 'millrace';

export default defineJob({
  name: 'tiny',
  build(env) {
    env.sequence(1, 10).sinkTo(discard());
  },
});
