import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Running counts of the words of a text, printed: examples/word-count.ts. Argument: the text. */
public final class WordCount {
  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    environment.setParallelism(1);
    environment
        .fromData(args[0].toLowerCase().split("[^a-z]+"))
        .filter(word -> !word.isEmpty())
        .map(word -> Tuple2.of(word, 1L))
        .returns(Types.TUPLE(Types.STRING, Types.LONG))
        .keyBy(word -> word.f0)
        .sum(1)
        .map(count -> count.f0 + " " + count.f1)
        .returns(Types.STRING)
        .print();
    environment.execute("word-count");
  }
}
