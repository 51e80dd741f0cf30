import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * Accounts in state on the heap that go on changing without end, while checkpoints are taken:
 * bench/beside/jobs/heap-state.ts of Millrace. Argument: keys.
 */
public final class HeapState {
  public static void main(String[] args) throws Exception {
    long keys = Long.parseLong(args[0]);
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    environment.getConfig().enableObjectReuse();
    environment.setParallelism(1);
    environment
        .fromSequence(0, Long.MAX_VALUE - 1)
        .keyBy(n -> n % keys, Types.LONG)
        .process(new Accounts(keys))
        .uid("accounts")
        .sinkTo(new DiscardingSink<>());
    environment.execute("heap-state");
  }

  private static final class Accounts extends KeyedProcessFunction<Long, Long, Long> {
    private final long keys;
    private transient ValueState<Tuple4<String, String, Double, Long>> account;

    Accounts(long keys) {
      this.keys = keys;
    }

    @Override
    public void open(OpenContext context) {
      account =
          getRuntimeContext()
              .getState(
                  new ValueStateDescriptor<>(
                      "account", Types.TUPLE(Types.STRING, Types.STRING, Types.DOUBLE, Types.LONG)));
    }

    @Override
    public void processElement(Long n, Context context, Collector<Long> out) throws Exception {
      long key = n % keys;
      account.update(
          Tuple4.of(
              "owner number " + key, "prefers to be called in the morning", n + 0.5, n / keys));
      out.collect(n);
    }
  }
}
