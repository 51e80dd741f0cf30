import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * A keyed job with checkpoints at a fixed rate. The first record that each attempt of it puts out
 * makes a file of the folder, named by the attempt from 1, with the time on the machine's clock in
 * microseconds: bench/jobs/first-records.ts of Millrace. Argument: the folder.
 */
public final class FirstRecords {
  private static final int KEYS = 1000;
  private static final long RECORDS = 10_000_000;
  private static final double PER_SECOND = 2000;

  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    environment
        .fromSource(
            new DataGeneratorSource<>(
                n -> n, RECORDS, RateLimiterStrategy.perSecond(PER_SECOND), Types.LONG),
            WatermarkStrategy.noWatermarks(),
            "numbers")
        .uid("numbers")
        .keyBy(n -> n % KEYS, Types.LONG)
        .process(new Count(args[0]))
        .uid("counts")
        .sinkTo(new DiscardingSink<>());
    environment.execute("first-records");
  }

  private static final class Count extends KeyedProcessFunction<Long, Long, Long> {
    private final String folder;
    private transient ValueState<Long> count;
    private transient boolean said;

    Count(String folder) {
      this.folder = folder;
    }

    @Override
    public void open(OpenContext context) {
      count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
    }

    @Override
    public void processElement(Long n, Context context, Collector<Long> out) throws Exception {
      Long before = count.value();
      count.update((before == null ? 0 : before) + 1);
      out.collect(count.value());
      if (said) return;
      said = true;
      int attempt = getRuntimeContext().getTaskInfo().getAttemptNumber() + 1;
      Files.writeString(Path.of(folder, "" + attempt), "" + System.nanoTime() / 1000);
    }
  }
}
