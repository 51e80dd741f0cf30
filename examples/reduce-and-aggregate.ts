// The longest trip and the mean distance of each driver. Notice: `reduce` makes a record of two,
// and so keeps its type; `aggregate` keeps an accumulator and may give anything. Both emit after
// each record.
import { defineJob, meanOf, t } from 'millrace';

const Trip = t.struct({ driver: t.string, to: t.string, miles: t.float64 });

export default defineJob({
  name: 'reduce-and-aggregate',
  build(env) {
    const trips = env
      .fromCollection(
        [
          { driver: 'mia', to: 'Bonn', miles: 10 },
          { driver: 'leo', to: 'Ulm', miles: 4 },
          { driver: 'mia', to: 'Köln', miles: 25 },
          { driver: 'mia', to: 'Bonn', miles: 10 },
        ],
        Trip,
      )
      .keyBy((trip) => trip.driver);
    trips
      .reduce((longest, trip) => (trip.miles > longest.miles ? trip : longest))
      .map(({ driver, to }) => `${driver}: ${to}`)
      .print('longest');
    trips
      .aggregate(meanOf((trip) => trip.miles))
      .map(({ key, value }) => `${key}: ${value}`)
      .print('mean');
  },
});
