"""Reads lines of `pylon-kafka tail STREAM --from-beginning --exit` with DuckDB and prints every row for check.py.

    duck.py DIR [QUERY...]    # with one file STREAM.jsonl a stream
"""

import pathlib
import sys

import duckdb

folder, *queries = sys.argv[1:]
for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
    # The newest record of each key in its partition; one without a value is a deleted object, or one that was moved to another.
    duckdb.execute(
        f"""CREATE VIEW "{file.stem}" AS SELECT value FROM (
             SELECT value FROM read_json('{file}', format = 'newline_delimited',
               columns = {{key: 'VARCHAR', "partition": 'INT', "offset": 'BIGINT', value: 'JSON'}})
             QUALIFY row_number() OVER (PARTITION BY key, "partition" ORDER BY "offset" DESC) = 1)
           WHERE value IS NOT NULL AND value::VARCHAR <> 'null'"""
    )
    for (row,) in duckdb.execute(f'SELECT value FROM "{file.stem}"').fetchall():
        print(file.stem + "\t" + row)
for i, query in enumerate(queries, 1):
    for row in duckdb.execute(query).fetchall():
        print("query", i, row, file=sys.stderr)
