import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * sequence -> map -> keyBy -> sum in keyed state -> discard, with the number of results and their
 * sum as accumulators: bench/jobs/keyed-sum.ts of Millrace. Arguments: records, keys.
 */
public final class KeyedSum {
  public static void main(String[] args) throws Exception {
    long records = Long.parseLong(args[0]);
    long keys = Long.parseLong(args[1]);
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    environment.getConfig().enableObjectReuse();
    environment
        .fromSequence(1, records)
        .map(n -> Tuple2.of(((n % keys) * 7919) % keys, 1L))
        .returns(TypeInformation.of(new TypeHint<Tuple2<Long, Long>>() {}))
        .keyBy(sale -> sale.f0, Types.LONG)
        .process(new Sum())
        .uid("sum")
        .sinkTo(new DiscardingSink<>());
    environment.execute("keyed-sum");
  }

  private static final class Sum extends KeyedProcessFunction<Long, Tuple2<Long, Long>, Long> {
    private final LongCounter count = new LongCounter();
    private final LongCounter checksum = new LongCounter();
    private transient ValueState<Long> sum;

    @Override
    public void open(OpenContext context) {
      sum = getRuntimeContext().getState(new ValueStateDescriptor<>("sum", Types.LONG));
      getRuntimeContext().addAccumulator("records", count);
      getRuntimeContext().addAccumulator("checksum", checksum);
    }

    @Override
    public void processElement(Tuple2<Long, Long> sale, Context context, Collector<Long> out)
        throws Exception {
      Long before = sum.value();
      long after = (before == null ? 0 : before) + sale.f1;
      sum.update(after);
      count.add(1L);
      checksum.add(after);
      out.collect(after);
    }
  }
}
