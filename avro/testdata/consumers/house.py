"""Reads values of the topics with ClickHouse's own Avro and the schema registry (chdb) and prints every row for check.py.

    house.py STATEMENTS BROKERS PREFIX REGISTRY

chdb's Kafka engine does not start, so the records are brought by confluent-kafka: the columns of the statements that
`pylon-kafka schemas --format clickhouse` prints are put over the newest value of each key.
"""

import pathlib
import re
import sys
import tempfile

import chdb

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "readers"))
from reader import connect, read  # noqa: E402

statements, brokers, prefix, registry = sys.argv[1:]
consumer = connect(brokers)
for name, columns in re.findall(r"CREATE TABLE `(\w+)_queue` \(\n(.*?)\n\) ENGINE = Kafka", open(statements).read(), re.S):
    newest = dict(read(consumer, prefix + name))
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(b"".join(value for value in newest.values() if value is not None))
        file.flush()
        simple = [c for c, t in re.findall(r"^  `(\w+)` (.*?),?$", columns, re.M) if not t.startswith(("Array", "Map", "Tuple"))]
        structure = columns.replace("\\", "\\\\").replace("'", "\\'")
        rows = chdb.query(
            f"SELECT {', '.join(f'`{c}`' for c in simple)} FROM file('{file.name}', AvroConfluent, '{structure}')"
            f" SETTINGS format_avro_schema_registry_url = '{registry}', output_format_json_quote_64bit_integers = 0",
            "JSONEachRow",
        )
        for row in str(rows).splitlines():
            print(name + "\t" + row)
consumer.close()
