"""Bodies that are good, and how answers are written."""

import itertools
import json

_serial = itertools.count(1)

PASSENGER_KEYS = ["uuid", "survived", "passengerClass", "name", "sex", "age", "siblingsOrSpousesAboard",
                  "parentsOrChildrenAboard", "fare"]
EMPLOYEE_KEYS = ["age", "created_at", "email", "id", "name", "updated_at"]

UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6}"
NOBODY = "018f0000-0000-7000-8000-00000000dead"  # no row has this uuid


def passenger(**changed):
    """A passenger to POST or PUT; a keyword changes a field, and the value ... leaves it out."""
    fields = {"survived": True, "passengerClass": 2, "name": "Post-Test-Name", "sex": "male", "age": 27.5,
              "siblingsOrSpousesAboard": 0, "parentsOrChildrenAboard": 0, "fare": 13.0}
    fields.update(changed)
    return {key: value for key, value in fields.items() if value is not ...}


def employee(**changed):
    """An employee to add, with an e-mail address of its own."""
    fields = {"name": "affan", "age": 25, "email": new_email()}
    fields.update(changed)
    return {key: value for key, value in fields.items() if value is not ...}


def new_email():
    return f"foo+{next(_serial)}@bar.com"


def compact(value):
    """JSON as the program writes it: no blanks, every character as itself."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
