"""Whether two clusters refuse a document for the same reason, where their versions of Kubernetes may differ."""

import re
from typing import Final

ISTIO: Final = "configuration is invalid: "
FIELD: Final = re.compile(r"\bspec(?:\.\w+|\[\d+\])+")


def is_same_reason(recorded: str, found: str) -> bool:
    """Return whether a reason is the recorded one, by what is claimed of it.

    Istio's own sentence is claimed, since the records are of its version. What is of another type than the schema has
    is refused by an API server in the words of its version. An older one may pass it on, such as a number of too many
    bits, to Istio's decoder, which names no field. So only the fields count, where both reasons name some.
    """
    if ISTIO in recorded or ISTIO in found:
        return recorded == found
    fields = [set(FIELD.findall(reason)) for reason in (recorded, found)]
    return fields[0] == fields[1] or not all(fields)
