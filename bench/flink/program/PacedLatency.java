import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.apache.flink.util.Collector;

/**
 * Records at a fixed rate over a keyed edge to another TaskManager, which notes how long after it
 * was due each of them came: bench/jobs/latency.ts of Millrace. A record is due at so many
 * intervals after the start, whether or not the source was held up, so that a stall counts for all
 * that it delays. The accumulators are the percentiles, in microseconds. Arguments: records, rate a
 * second, how many of the first are not counted.
 */
public final class PacedLatency {
  private static final int KEYS = 1000;
  private static final String TEXT = "x".repeat(82);

  public static void main(String[] args) throws Exception {
    int records = Integer.parseInt(args[0]);
    int perSecond = Integer.parseInt(args[1]);
    int uncounted = Integer.parseInt(args[2]);
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    environment.getConfig().enableObjectReuse();
    environment.setParallelism(1);
    environment
        .addSource(
            new Paced(records, perSecond), Types.TUPLE(Types.LONG, Types.LONG, Types.STRING))
        .slotSharingGroup("from")
        .keyBy(record -> record.f0, Types.LONG)
        .process(new Note(records, uncounted))
        .slotSharingGroup("to")
        .sinkTo(new DiscardingSink<>())
        .slotSharingGroup("to");
    environment.execute("latency");
  }

  /** All processes of a machine share this clock. */
  private static long micros() {
    return System.nanoTime() / 1000;
  }

  private static final class Paced implements SourceFunction<Tuple3<Long, Long, String>> {
    private final int records;
    private final int perSecond;
    private volatile boolean cancelled;

    Paced(int records, int perSecond) {
      this.records = records;
      this.perSecond = perSecond;
    }

    @Override
    public void run(SourceContext<Tuple3<Long, Long, String>> out) {
      long start = System.nanoTime();
      for (int i = 0; i < records && !cancelled; i += 1) {
        long due = start + i * 1_000_000_000L / perSecond;
        for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
          LockSupport.parkNanos(left);
        }
        synchronized (out.getCheckpointLock()) {
          out.collect(Tuple3.of((long) (i % KEYS), due / 1000, TEXT));
        }
      }
    }

    @Override
    public void cancel() {
      cancelled = true;
    }
  }

  private static final class Note
      extends KeyedProcessFunction<Long, Tuple3<Long, Long, String>, Double> {
    private final int records;
    private final int uncounted;
    private transient long[] latencies;
    private transient int count;

    Note(int records, int uncounted) {
      this.records = records;
      this.uncounted = uncounted;
    }

    @Override
    public void open(OpenContext context) {
      latencies = new long[records - uncounted];
    }

    @Override
    public void processElement(
        Tuple3<Long, Long, String> record, Context context, Collector<Double> out) {
      if (count >= uncounted) latencies[count - uncounted] = micros() - record.f1;
      count += 1;
      if (count < records) return;
      Arrays.sort(latencies);
      say("received", count);
      say("p50", at(0.5));
      say("p99", at(0.99));
      say("p999", at(0.999));
      say("max", at(1));
    }

    private long at(double part) {
      return latencies[(int) ((latencies.length - 1) * part)];
    }

    private void say(String name, long value) {
      LongCounter counter = new LongCounter();
      counter.add(value);
      getRuntimeContext().addAccumulator(name, counter);
    }
  }
}
