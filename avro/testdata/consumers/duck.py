"""Reads lines of `pylon-kafka tail STREAM --from-beginning --exit` with DuckDB and prints every row for check.py.

    duck.py DIR    # with one file STREAM.jsonl a stream
"""

import pathlib
import sys

import duckdb

for file in sorted(pathlib.Path(sys.argv[1]).glob("*.jsonl")):
    # The newest record of each key in its partition; one without a value is a deleted object, or one that was moved to another.
    rows = duckdb.execute(
        """SELECT value FROM (
             SELECT value FROM read_json(?, format = 'newline_delimited',
               columns = {key: 'VARCHAR', "partition": 'INT', "offset": 'BIGINT', value: 'JSON'})
             QUALIFY row_number() OVER (PARTITION BY key, "partition" ORDER BY "offset" DESC) = 1)
           WHERE value IS NOT NULL AND value::VARCHAR <> 'null'""",
        [str(file)],
    ).fetchall()
    for (row,) in rows:
        print(file.stem + "\t" + row)
