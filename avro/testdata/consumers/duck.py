"""Reads lines of `pylon-kafka tail STREAM --from-beginning --exit` with DuckDB and prints every row for check.py.

    duck.py DIR    # with one file STREAM.jsonl a stream
"""

import pathlib
import sys

import duckdb

for file in sorted(pathlib.Path(sys.argv[1]).glob("*.jsonl")):
    # The newest record of each key; one without a value is a deleted object.
    rows = duckdb.execute(
        """SELECT arg_max(value, (partition, "offset")) AS object
           FROM read_json(?, format = 'newline_delimited', columns = {key: 'VARCHAR', partition: 'INTEGER', "offset": 'BIGINT', value: 'JSON'})
           GROUP BY key""",
        [str(file)],
    ).fetchall()
    for (row,) in rows:
        if row not in (None, "null"):
            print(file.stem + "\t" + row)
