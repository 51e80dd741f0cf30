import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** Runs a file of SQL statements, each ended by a semicolon at the end of a line, as one job. */
public final class SqlScript {
  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
    for (String statement : Files.readString(Path.of(args[0])).split(";\\s*(\\n|$)")) {
      if (statement.isBlank()) continue;
      tables.executeSql(statement);
    }
  }
}
