import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.CloseableIterator;

/**
 * Runs the statements that {@code pylon-kafka schemas --format flink} prints, as Flink's SQL client would, and prints
 * every row of every table as check.py wants it, then the rows of the queries that follow the file's name.
 *
 * <p>The one thing added to the statements: tables end where the topics ended when the query began.
 */
public class Flink {
  public static void main(String[] args) throws Exception {
    Configuration config = new Configuration();
    config.setString("parallelism.default", "1");
    TableEnvironment flink =
        TableEnvironment.create(EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(config).build());
    List<String> tables = new ArrayList<>();
    for (String statement : Files.readString(Path.of(args[0])).split(";\n")) {
      if (statement.isBlank()) {
        continue;
      }
      flink.executeSql(statement.replace("'connector' = 'upsert-kafka',",
          "'connector' = 'upsert-kafka', 'scan.bounded.mode' = 'latest-offset',"));
      tables.add(statement.split("`")[1]);
    }
    for (String table : tables) {
      for (Row row : result(flink, "SELECT * FROM `" + table + "`")) {
        System.out.println(table + "\t" + json(row));
      }
    }
    for (int i = 1; i < args.length; i++) {
      for (Row row : result(flink, args[i])) {
        System.err.println("query " + i + " " + row);
      }
    }
  }

  /** What the changes of a query come to. */
  private static Iterable<Row> result(TableEnvironment flink, String query) throws Exception {
    Map<Row, Integer> rows = new HashMap<>();
    try (CloseableIterator<Row> changes = flink.executeSql(query).collect()) {
      while (changes.hasNext()) {
        Row row = changes.next();
        int change = row.getKind() == RowKind.INSERT || row.getKind() == RowKind.UPDATE_AFTER ? 1 : -1;
        row.setKind(RowKind.INSERT);
        rows.merge(row, change, Integer::sum);
      }
    }
    rows.values().removeIf(n -> n == 0);
    return rows.keySet();
  }

  private static String json(Object value) {
    if (value == null || value instanceof Long || value instanceof Boolean) {
      return String.valueOf(value);
    }
    StringJoiner members = new StringJoiner(",", "{", "}");
    if (value instanceof Row row) {
      for (String name : row.getFieldNames(true)) {
        members.add(quoted(name) + ':' + json(row.getField(name)));
      }
      return members.toString();
    }
    if (value instanceof Map<?, ?> map) {
      map.forEach((k, v) -> members.add(quoted(k.toString()) + ':' + json(v)));
      return members.toString();
    }
    if (value instanceof Object[] array) {
      StringJoiner items = new StringJoiner(",", "[", "]");
      for (Object v : array) {
        items.add(json(v));
      }
      return items.toString();
    }
    return quoted(value instanceof byte[] bytes ? new String(bytes, StandardCharsets.UTF_8) : value.toString());
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }
}
