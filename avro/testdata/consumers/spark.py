"""Runs the statements that `pylon-kafka schemas --format spark` prints and prints every row for check.py.

    spark.py STATEMENTS JARS [QUERY...]
"""

import datetime
import glob
import json
import re
import sys

from pyspark.sql import SparkSession

statements, jars, *queries = sys.argv[1:]
session = (
    SparkSession.builder.master("local[1]")
    .config("spark.jars", ",".join(glob.glob(jars + "/*.jar")))
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
session.sparkContext.setLogLevel("ERROR")


def plain(value):
    # collect() gives times in the zone of this process.
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.astimezone(datetime.timezone.utc).isoformat() if isinstance(value, datetime.datetime) else value


for statement in open(statements).read().split(";\n"):
    sql = "\n".join(line for line in statement.split("\n") if not line.startswith("-- ")).strip()
    if not sql:
        continue
    session.sql(sql)
    name = re.search(r"VIEW `(\w+)`", sql).group(1)
    if name.endswith("_records"):
        continue
    for row in session.table(name).collect():
        print(name + "\t" + json.dumps(plain(row.asDict(recursive=True))))
for i, query in enumerate(queries, 1):
    for row in session.sql(query).collect():
        print("query", i, tuple(row), file=sys.stderr)
