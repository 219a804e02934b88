"""Runs the statements that `pylon-kafka schemas --format spark` prints and prints every row for check.py.

    spark.py STATEMENTS JARS [QUERY...]
"""

import datetime
import glob
import json
import re
import sys

from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, MapType, StructType

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
    return value.astimezone(datetime.timezone.utc).isoformat() if isinstance(value, datetime.datetime) else value


for statement in open(statements).read().split(";\n"):
    sql = "\n".join(line for line in statement.split("\n") if not line.startswith("-- ")).strip()
    if not sql:
        continue
    session.sql(sql)
    name = re.search(r"VIEW `(\w+)`", sql).group(1)
    if name.endswith("_records"):
        continue
    table = session.table(name)
    simple = [f.name for f in table.schema.fields if not isinstance(f.dataType, (StructType, MapType, ArrayType))]
    for row in table.select(*(f"`{c}`" for c in simple)).collect():
        print(name + "\t" + json.dumps({k: plain(v) for k, v in row.asDict().items()}))
for i, query in enumerate(queries, 1):
    for row in session.sql(query).collect():
        print("query", i, tuple(row), file=sys.stderr)
