// Query 3: who sells in category 10 and lives in Oregon, Idaho or California. A join over all time:
// each side is kept, because the other may come at any time.
import { defineJob, state, t } from 'millrace';
import { Person } from '../events.ts';
import { finish, nexmarkParameters } from '../parameters.ts';
import { auctionsOf, events, peopleOf } from '../streams.ts';

const CATEGORY = 10;
const STATES = ['OR', 'ID', 'CA'];
const Seller = t.struct({ name: t.string, city: t.string, state: t.string, id: t.integer });

export default defineJob({
  name: 'nexmark-q3',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    const all = events(env, nexmark, 'no event time');
    const auctions = auctionsOf(all)
      .filter(({ category }) => category === CATEGORY)
      .map(({ id, seller }) => ({ id, seller }))
      .returns(t.struct({ id: t.integer, seller: t.integer }));
    const people = peopleOf(all).filter(({ state }) => STATES.includes(state));
    const sellers = auctions
      .keyBy(({ seller }) => seller)
      .connect(people.keyBy(({ id }) => id))
      .process({
        emits: Seller,
        state: { person: state.value(Person), waiting: state.list(t.integer) },
        onLeft({ id }, ctx) {
          const person = ctx.state.person.get();
          if (person === undefined) ctx.state.waiting.add(id);
          else ctx.emit({ name: person.name, city: person.city, state: person.state, id });
        },
        onRight(person, ctx) {
          ctx.state.person.set(person);
          for (const id of ctx.state.waiting.values()) {
            ctx.emit({ name: person.name, city: person.city, state: person.state, id });
          }
          ctx.state.waiting.clear();
        },
      });
    return finish(sellers, Seller, { results, output });
  },
});
