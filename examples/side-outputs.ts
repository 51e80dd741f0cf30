// Parses readings of sensors. Notice: one function has several outputs; each is a stream of its own
// type under `side`, and what nobody reads is dropped.
import { defineJob, t } from 'millrace';

const Reading = t.struct({ sensor: t.string, celsius: t.float64 });

export default defineJob({
  name: 'side-outputs',
  build(env) {
    const readings = env
      .fromElements('kitchen 21.5', 'cellar 12', 'garden', 'oven 230', 'attic warm')
      .process({
        emits: Reading,
        outputs: { alarms: Reading, refused: t.string },
        onElement(line, ctx) {
          const [sensor = '', text = ''] = line.split(' ');
          const celsius = Number(text || NaN);
          if (Number.isNaN(celsius)) return ctx.emitTo('refused', line);
          ctx.emit({ sensor, celsius });
          if (celsius > 100) ctx.emitTo('alarms', { sensor, celsius });
        },
      });
    readings.print('reading');
    readings.side.alarms.map(({ sensor }) => `${sensor} is hot`).print('alarm');
    readings.side.refused.print('refused');
  },
});
