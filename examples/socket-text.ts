// Counts what somebody types. Start `nc -lk 9999`, then this, and type words. Notice: the job runs
// until the other side closes the connection; a socket cannot be read again, so that it is for
// trying things out, and `print` shows each result within a moment.
import { count, defineJob, param, t } from 'millrace';
import { socket } from 'millrace/connectors/socket';

export default defineJob({
  name: 'socket-text',
  params: { host: param(t.string, 'localhost'), port: param(t.int32, 9999) },
  build(env, { host, port }) {
    env
      .from(socket.text({ host, port }))
      .flatMap((line) => line.split(' ').filter((word) => word !== ''))
      .keyBy((word) => word)
      .aggregate(count())
      .map(({ key, value }) => `${key} ${value}`)
      .print();
  },
});
