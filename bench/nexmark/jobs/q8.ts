// Query 8: who came and opened an auction in the same 10 s. A coGroup gives one row for a person,
// however many auctions there are.
import { defineJob, seconds, t, tumbling } from 'millrace';
import { finish, nexmarkParameters } from '../parameters.ts';
import { auctionsOf, events, peopleOf } from '../streams.ts';

const NewSeller = t.struct({ id: t.integer, name: t.string, start: t.timestamp });

export default defineJob({
  name: 'nexmark-q8',
  params: nexmarkParameters,
  build(env, { results, output, ...nexmark }) {
    const all = events(env, nexmark, 'event time');
    const sellers = peopleOf(all)
      .coGroup(auctionsOf(all))
      .on(
        ({ id }) => id,
        ({ seller }) => seller,
      )
      .window(tumbling(seconds(10)))
      .apply({
        emits: NewSeller,
        onGroups(people, auctions, ctx) {
          if (auctions.length === 0) return;
          for (const { id, name } of people) ctx.emit({ id, name, start: ctx.window.start });
        },
      });
    return finish(sellers, NewSeller, { results, output });
  },
});
