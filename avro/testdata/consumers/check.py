"""Compares what a consumer made of the topics with the sandbox that they were filled from.

    check.py CONSUMER SANDBOX_URL SCHEMAS_DIR <ROWS

A row is a line: the stream, a tab, and a JSON object of columns. SCHEMAS_DIR has the schemas of the layout that was
read. Columns that hold text, numbers, truth values, times or JSON text are compared, as far as the consumer gives them;
the key always. It prints a line a stream, and ends with 1 if anything differs.
"""

import datetime
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "readers"))
from reader import CLOCKS, PARENTS, get, normal, parse  # noqa: E402


def look_up(value, pointer):
    for name in pointer.split("/")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def instant(value):
    """A time in UTC, cut to milliseconds; tools that have no zone mean UTC."""
    if isinstance(value, (int, float)):
        return round(value)
    t = datetime.datetime.fromisoformat(value)
    t = t.replace(tzinfo=t.tzinfo or datetime.timezone.utc)
    return round(t.timestamp() * 1000)


def columns(schema):
    """Yields name, place in the object, whether JSON text, whether a time, and whether part of the key."""
    for field in schema["fields"]:
        typ = field["type"][-1] if isinstance(field["type"], list) else field["type"]
        if field["name"] == "unmapped" or isinstance(typ, dict) and typ["type"] not in ("long", "string"):
            continue
        time = isinstance(typ, dict) and typ.get("logicalType") == "timestamp-millis"
        yield field["name"], field.get("pointer", "/" + field["name"]), "json" in field, time, not isinstance(field["type"], list)


def differs(got, want, is_json, is_time):
    if got is None or want is None:
        # Text that was empty is text, and null is null.
        return not (got is None and want is None)
    if is_json:
        return normal(parse(got) if isinstance(got, str) else got) != normal(want)
    if is_time:
        return instant(got) != instant(want)
    return isinstance(got, bool) != isinstance(want, bool) or normal(got) != normal(want)


def main(consumer, sandbox, schemas):
    rows = {}
    for line in sys.stdin:
        stream, _, text = line.rstrip("\n").partition("\t")
        rows.setdefault(stream, []).append(parse(text))
    failed = compared = 0
    for stream in sorted(get(sandbox + "/_sandbox/stats")["objects"]):
        places = list(columns(json.loads((pathlib.Path(schemas) / f"{stream}.avsc").read_text())))
        want = {}
        for entry in get(f"{sandbox}/_sandbox/objects/{stream}")["objects"]:
            want[entry["key"]] = entry["object"]
            if stream in PARENTS:
                entry["object"].setdefault(PARENTS[stream], entry["parent"])
        wanted, wrong = len(want), []
        for row in rows.get(stream, []):
            key = ":".join(row[name] for name, *_, is_key in places if is_key)
            sent = want.pop(key, None)
            if sent is None:
                wrong.append(f"{key}: not there, or there twice")
                continue
            unmapped = parse(row.get("unmapped") or "{}")
            for name, place, is_json, is_time, _ in places:
                if name not in row or stream == "issues" and name in CLOCKS or any(place.startswith(p) or p.startswith(place) for p in unmapped):
                    continue
                compared += 1
                if differs(row[name], look_up(sent, place), is_json, is_time):
                    wrong.append(f"{key}: {name} is {row[name]!r}, want {look_up(sent, place)!r}")
                    break
        wrong += [f"{key}: missing" for key in want]
        print(f"{consumer:<12} {stream:<24} rows {len(rows.get(stream, [])):>4}  wanted {wanted:>4}  mismatches {len(wrong)}")
        for line in wrong[:3]:
            print("    " + line[:300], file=sys.stderr)
        failed += bool(wrong or wanted == 0)
    print(f"{consumer:<12} {15 - failed} of 15 streams, {compared} values compared", flush=True)
    return 1 if failed or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
