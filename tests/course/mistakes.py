"""The failures of each step that docs/workshop/instructor.md names, as a learner brings them about."""

from collections.abc import Mapping, Sequence
from typing import Final

LAB: Final = ".venv/bin/python -m scripts.lab"
ANSWER: Final = ".venv/bin/python -m scripts.course answer"
INTO: Final = "--verdict-json .course/verdicts"
OWN: Final = ".course/my-state.yaml"
SPLIT: Final = "istio/virtual-service-70-30.yaml"
RULE: Final = "istio/destination-rule.yaml"
SHIFT_OWN: Final = f"{LAB} shift {OWN}"
WEIGHT_OF_V2: Final = "-e 's/weight: 0/weight: 15/'"
WEIGHTS: Final = f"-e 's/weight: 100/weight: 85/' {WEIGHT_OF_V2}"
NAME: Final = """-e 's/"100-0"/"85-15"/'"""
SHIFT_MEANWHILE: Final = f"sleep 4; {LAB} shift {SPLIT}; wait $!"
IN_ORDER: Final = f"sed '1,/^---$/d' istio/virtual-service-header.yaml > {OWN}"
# Without its last route, the one that takes what is left.
TESTERS_ALONE: Final = f"{IN_ORDER}; sed -i.bak '/^    - route:/,$d' {OWN}"
ERRORS_WITHOUT_A_NAME: Final = f"{LAB} measure -t 3s {INTO}/nameless.json"
NAMED_ERRORS: Final = f"{ERRORS_WITHOUT_A_NAME}; {LAB} shift {SPLIT}; {LAB} measure {INTO}/named.json"

# For each step its rows in the document: what is typed after the step's start, before `check`.
MISTAKES: Final[Mapping[int, Sequence[str]]] = {
    1: (
        "true",
        f"{LAB} measure --only-split --expect-canary 50 {INTO}/claim-50.json; sleep 1.1; {ANSWER} 30",
        f"{ANSWER} 30; {LAB} measure --only-split --expect-canary 30 {INTO}/claim-30.json",
    ),
    2: (
        f"{LAB} measure --only-split",
        f"{LAB} measure --only-split {INTO}/a.json; {LAB} measure --only-split --expect-canary 50 {INTO}/a.json",
        f"{LAB} measure --only-split {INTO}/true.json; {LAB} measure --only-split --expect-canary 32 {INTO}/false.json",
    ),
    3: (
        f"sed -i.bak {WEIGHTS} {NAME} {OWN}",
        f"sed -i.bak {WEIGHT_OF_V2} {NAME} {OWN}; {SHIFT_OWN}",
        f"sed -i.bak {WEIGHTS} {OWN}; {SHIFT_OWN}",
    ),
    4: (
        f"{LAB} measure --keep-going -t 8s {INTO}/across.json & {SHIFT_MEANWHILE}",
        f"{LAB} measure -t 8s --route '' {INTO}/across.json & {SHIFT_MEANWHILE}",
        f"{LAB} measure --keep-going -t 8s --route '' {INTO}/across.json & {SHIFT_MEANWHILE}",
    ),
    5: (
        f"sed -i.bak 's/- micro-apis$/- micro-api/' {OWN}; {SHIFT_OWN}",
        f"{LAB} shift {SPLIT} {RULE}; {ANSWER} status_404",
        f"{LAB} shift {SPLIT} {RULE}",
    ),
    6: (
        f"{LAB} measure --header 'x-canary: true' {INTO}/testers.json",
        f"{TESTERS_ALONE}; {SHIFT_OWN}",
        f"{IN_ORDER}; {SHIFT_OWN}; {LAB} measure --header 'x-canary: true' --expect-canary 100 {INTO}/testers.json",
    ),
    7: (
        f"{LAB} shift {SPLIT} {RULE}",
        f"{ERRORS_WITHOUT_A_NAME}; {LAB} measure -t 3s {INTO}/named.json",
        f"{NAMED_ERRORS}; {ANSWER} a-subset-that-is-not-defined",
    ),
    8: (
        f"{LAB} shift {SPLIT} {RULE}; {LAB} measure --expect-canary 30 {INTO}/repaired.json",
        f"{ANSWER} a-destination-without-its-subset",
        f"{ANSWER} the-two-versions-are-swapped; {LAB} shift {SPLIT}",
    ),
}
