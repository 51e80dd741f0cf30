// Sends each order to a subtask of its region's choice. Notice: the number before `>` is the
// subtask, from 1; the partitioner gets what was selected and the number of subtasks, and names one
// from 0.
import { defineJob } from 'millrace';

const EUROPE = ['DE', 'FR', 'IT'];

export default defineJob({
  name: 'custom-partitioner',
  build(env) {
    env
      .fromElements('DE 17', 'US 4', 'FR 25', 'BR 9', 'US 30', 'IT 1')
      .partitionCustom(
        (order) => order.slice(0, 2),
        (country, subtasks) => (EUROPE.includes(country) ? 0 : 1 % subtasks),
      )
      .map((order) => order.toLowerCase())
      .setParallelism(2)
      .print('order')
      .setParallelism(2);
  },
});
