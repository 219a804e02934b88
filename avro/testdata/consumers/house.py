"""Runs the statements that `pylon-kafka schemas --format clickhouse` prints and prints every row for check.py.

    house.py STATEMENTS BROKERS PREFIX REGISTRY

chdb's Kafka engine does not start. So a table stands in for the one with that engine, with its virtual columns as columns of
its own; confluent-kafka brings the records, and ClickHouse's own Avro decodes them by the schema registry. All else, the view
and the table that it fills, is as it is printed.
"""

import json
import pathlib
import re
import sys
import tempfile

from chdb.session import Session

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "readers"))
from reader import connect, records  # noqa: E402

VIRTUAL = """_key String MATERIALIZED '', _timestamp_ms Nullable(DateTime64(3, 'UTC')) MATERIALIZED NULL,
`_headers.name` Array(String) MATERIALIZED [], `_headers.value` Array(String) MATERIALIZED [], _error String MATERIALIZED '',
_raw_message String MATERIALIZED ''"""
META = "_key String, _timestamp_ms Int64, `_headers.name` Array(String), `_headers.value` Array(String), _error String"


def literal(text):
    return text.replace("\\", "\\\\").replace("'", "\\'")


statements, brokers, prefix, registry = sys.argv[1:]
folder = tempfile.TemporaryDirectory()
session = Session(folder.name + "/db")
session.query("SET insert_allow_materialized_columns = 1, max_threads = 1, max_insert_threads = 1, parallel_view_processing = 0")
settings = f"SETTINGS format_avro_schema_registry_url = '{registry}', insert_allow_materialized_columns = 1, max_threads = 1"
for statement in open(statements).read().split(";\n"):
    statement = "\n".join(line for line in statement.split("\n") if not line.startswith("-- "))
    if statement.strip():
        session.query(re.sub(r"\n\) ENGINE = Kafka.*", lambda _: f",\n{VIRTUAL}\n) ENGINE = Null", statement, flags=re.S))
consumer = connect(brokers)
for name, columns in re.findall(r"CREATE TABLE `(\w+)_queue` \(\n(.*?)\n\) ENGINE = Kafka", open(statements).read(), re.S):
    names = ", ".join(f"`{c}`" for c in re.findall(r"^  `(\w+)` ", columns, re.M))
    meta = "_key, _timestamp_ms, `_headers.name`, `_headers.value`, _error"
    values, gone = pathlib.Path(folder.name, name + ".bin"), pathlib.Path(folder.name, name + ".gone.jsonl")
    metas = pathlib.Path(folder.name, name + ".jsonl")
    with values.open("wb") as v, metas.open("w") as m, gone.open("w") as g:
        for message in records(consumer, prefix + name):
            value, headers = message.value(), message.headers() or []
            line = {
                "_key": message.key().decode(),
                "_timestamp_ms": message.timestamp()[1],
                "_headers.name": [k for k, _ in headers],
                "_headers.value": [h.decode() for _, h in headers],
                "_error": "" if value is not None else "no value",
            }
            (g if value is None else m).write(json.dumps(line) + "\n")
            v.write(value or b"")
    # Rows and what Kafka says of them are put side by side by their number.
    session.query(
        f"INSERT INTO `{name}_queue` ({names}, {meta}) SELECT {names}, _key, fromUnixTimestamp64Milli(_timestamp_ms, 'UTC'), `_headers.name`, `_headers.value`, _error"
        f" FROM (SELECT *, rowNumberInAllBlocks() AS n FROM file('{values}', AvroConfluent, '{literal(columns)}')) AS v"
        f" JOIN (SELECT *, rowNumberInAllBlocks() AS n FROM file('{metas}', JSONEachRow, '{META}')) AS m USING n {settings}"
    )
    session.query(
        f"INSERT INTO `{name}_queue` ({meta}) SELECT _key, fromUnixTimestamp64Milli(_timestamp_ms, 'UTC'), `_headers.name`, `_headers.value`, _error"
        f" FROM file('{gone}', JSONEachRow, '{META}') {settings}"
    )
    rows = session.query(
        f"SELECT * EXCEPT (record_headers, record_deleted) FROM `{name}` FINAL SETTINGS output_format_json_quote_64bit_integers = 0", "JSONEachRow"
    )
    for row in str(rows).splitlines():
        print(name + "\t" + row)
consumer.close()
