"""The rows that are served: the real passenger list where it is at hand, else the sample's first 887."""

import csv
import io
import os
import pathlib

from settings import ROOT

COUNT = 887
KEYS = ("uuid", "survived", "passengerClass", "name", "sex", "age",
        "siblingsOrSpousesAboard", "parentsOrChildrenAboard", "fare")
HEADERS = {"Survived": "survived", "Pclass": "passengerClass", "Name": "name", "Sex": "sex", "Age": "age",
           "Siblings_Spouses_Aboard": "siblingsOrSpousesAboard",
           "Parents_Children_Aboard": "parentsOrChildrenAboard", "Fare": "fare"}
NEW = {"survived": True, "passengerClass": 2, "name": "Post-Test-Name", "sex": "male", "age": 27.0,
       "siblingsOrSpousesAboard": 0, "parentsOrChildrenAboard": 0, "fare": 13.0}


def uuid(n):
    """The id of row n: shaped as a UUIDv7, in order, and simple enough for SQL to build (cluster.BIG)."""
    return f"01890000-0000-7000-8000-{n:012d}"


def source():
    named = os.environ.get("PASSENGERS")
    candidates = [pathlib.Path(named)] if named else [
        ROOT.parent / "shared" / "data" / "titanic.csv", *sorted((ROOT / "schema").glob("**/passengers*.csv"))]
    for path in candidates:
        if path.exists():
            return path
    raise SystemExit("bench: no passengers to load; name a CSV file with PASSENGERS=")


def passenger(n, record):
    """The object that every stack must answer with for a line of the file."""
    value = {HEADERS.get(header, header): text for header, text in record.items()}

    def or_none(convert, text):
        return convert(text) if text else None

    return {
        "uuid": uuid(n),
        "survived": or_none(lambda text: text.lower() in ("1", "t", "true"), value["survived"]),
        "passengerClass": int(value["passengerClass"]),
        "name": value["name"],
        "sex": value["sex"] or None,
        "age": or_none(float, value["age"]),
        "siblingsOrSpousesAboard": int(value["siblingsOrSpousesAboard"]),
        "parentsOrChildrenAboard": int(value["parentsOrChildrenAboard"]),
        "fare": or_none(float, value["fare"]),
    }


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        passengers = [passenger(n, record) for n, record in enumerate(csv.DictReader(file), 1) if n <= COUNT]
    if len(passengers) != COUNT:
        raise SystemExit(f"bench: {path} has {len(passengers)} rows, {COUNT} are needed")
    return passengers


def as_copy(passengers):
    """The rows as text for COPY … FROM stdin (FORMAT csv); an empty field is null."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([p[key] for key in KEYS] for p in passengers)
    return text.getvalue()
