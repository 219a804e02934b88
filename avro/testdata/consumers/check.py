"""Compares what a consumer made of the topics with the sandbox that they were filled from.

    check.py CONSUMER SANDBOX_URL SCHEMAS_DIR <ROWS

A row is a line: the stream, a tab, and a JSON object of columns. SCHEMAS_DIR has the schemas of the layout that was
read. A row must have every column of its schema, those within records, too; they are put together to what the API sent, with
arrays, maps, JSON text and `unmapped`, and all of it is compared. It prints a line a stream, and ends with 1 if anything
differs.
"""

import datetime
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "readers"))
from reader import CLOCKS, PARENTS, differences, get, normal, parse, rebuild  # noqa: E402

# ClickHouse's arrays, maps and tuples are never null: it has empty ones.
EMPTY_IS_NULL = ("clickhouse",)


def types_of(schema, known):
    """The types that have a name, by it: where one is used again, the name stands for it."""
    if isinstance(schema, list):
        types_of(schema[-1], known)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            known[schema["name"]] = schema
            for field in schema["fields"]:
                types_of(field["type"], known)
        types_of(schema.get("items"), known)
        types_of(schema.get("values"), known)
    return known


def instant(value):
    """A time: milliseconds, or text; tools that have no zone mean UTC."""
    if isinstance(value, int):
        return datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(milliseconds=value)
    t = datetime.datetime.fromisoformat(value)
    return t.replace(tzinfo=t.tzinfo or datetime.timezone.utc)


def typed(value, schema, known):
    """A value as Avro's libraries give it: times are times. A column that is not there is an error."""
    if isinstance(schema, list):
        schema = schema[-1]  # ["null", T]
    schema = known.get(schema, schema) if isinstance(schema, str) else schema
    if value is None or isinstance(schema, str):
        return value
    if schema["type"] == "record":
        for field in schema["fields"]:
            if field["name"] not in value:
                raise ValueError(f"column {field['name']} is missing")
        return {f["name"]: text(value[f["name"]]) if "json" in f else typed(value[f["name"]], f["type"], known) for f in schema["fields"]}
    if schema["type"] == "array":
        return [typed(v, schema["items"], known) for v in value]
    if schema["type"] == "map":
        return {k: typed(v, schema["values"], known) for k, v in value.items()}
    return instant(value) if schema.get("logicalType") == "timestamp-millis" else value


def text(value):
    """JSON text; who shows it as what it says (`pylon-kafka tail`) gives what it says."""
    return value if value is None or isinstance(value, str) else json.dumps(value, default=float)


def bare(value):
    """Without what is empty."""
    if isinstance(value, dict):
        return {k: b for k, v in value.items() if (b := bare(v)) not in ({}, [], None)}
    return [bare(v) for v in value] if isinstance(value, list) else value


def leaves(value):
    if isinstance(value, (dict, list)):
        return sum(map(leaves, value.values() if isinstance(value, dict) else value))
    return 1


def main(consumer, sandbox, schemas):
    rows = {}
    for line in sys.stdin:
        stream, _, row = line.rstrip("\n").partition("\t")
        rows.setdefault(stream, []).append(parse(row))
    failed = compared = kept = 0
    for stream in sorted(get(sandbox + "/_sandbox/stats")["objects"]):
        schema = json.loads((pathlib.Path(schemas) / f"{stream}.avsc").read_text())
        known = types_of(schema, {})
        keys = [f["name"] for f in schema["fields"] if not isinstance(f["type"], list)]
        want = {}
        for entry in get(f"{sandbox}/_sandbox/objects/{stream}")["objects"]:
            want[entry["key"]] = entry["object"]
            if stream in PARENTS:
                entry["object"].setdefault(PARENTS[stream], entry["parent"])
        wanted, wrong = len(want), []
        for row in rows.get(stream, []):
            key = ":".join(row[name] for name in keys)
            sent = want.pop(key, None)
            if sent is None:
                wrong.append(f"{key}: not there, or there twice")
                continue
            try:
                got, unmapped = rebuild(typed(row, schema, known), schema)
            except ValueError as e:
                wrong.append(f"{key}: {e}")
                continue
            if stream == "issues":
                got, sent = ({k: v for k, v in o.items() if k not in CLOCKS} for o in (got, sent))
            got, sent = normal(got), normal(sent)
            if consumer in EMPTY_IS_NULL:
                got, sent = bare(got), bare(sent)
            wrong += [f"{key}{d}" for d in differences(got, sent)][:1]
            compared += leaves(sent)
            kept += unmapped
        wrong += [f"{key}: missing" for key in want]
        print(f"{consumer:<12} {stream:<24} rows {len(rows.get(stream, [])):>4}  wanted {wanted:>4}  mismatches {len(wrong)}")
        for line in wrong[:3]:
            print("    " + line[:300], file=sys.stderr)
        failed += bool(wrong or wanted == 0)
    print(f"{consumer:<12} {15 - failed} of 15 streams, {compared} values compared, {kept} of them in unmapped", flush=True)
    return 1 if failed or compared == 0 or kept == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
