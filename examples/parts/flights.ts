// The flights of the examples, and when they depart and land. Times in the file are local; here
// they count as if all airports were in one time zone.
import { plus, minutes, t, timestamp } from 'millrace';
import type { AnySource, Infer, Timestamp } from 'millrace';
import { files } from 'millrace/connectors/files';
import { json } from 'millrace/formats';

export const Flight = t.struct({
  date: t.string,
  delay: t.int32,
  distance: t.int32,
  origin: t.string,
  destination: t.string,
});
export type Flight = Infer<typeof Flight>;

export const FLIGHTS = 'examples/data/flights.jsonl';

/** In the order in which they are to depart. */
export function flightsFrom(path: string): AnySource<Flight> {
  return files.source({ path, format: json(Flight) });
}

/** When it is to depart. */
export function departure({ date }: Flight): Timestamp {
  return timestamp(new Date(`${date.replaceAll('/', '-').replace(' ', 'T')}Z`));
}

/** About when it lands: half an hour on the ground, and 8 miles a minute. */
export function landing(flight: Flight): Timestamp {
  return plus(departure(flight), minutes(flight.delay + 30 + Math.round(flight.distance / 8)));
}

/** `2001-01-31 12:15` */
export function textOf(at: Timestamp): string {
  return new Date(at).toISOString().slice(0, 'YYYY-MM-DDTHH:MM'.length).replace('T', ' ');
}
