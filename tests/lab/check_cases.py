"""For each rule of `lab check` an edit of right manifests that breaks them.

The lab's tests expect the rule; the test that needs istioctl compares with what `istioctl analyze` says.
"""

from typing import Final

from tests.lab.check_objects import OBJECTS
from tests.lab.check_routes import ROUTES

CASES: Final = (*ROUTES, *OBJECTS)
