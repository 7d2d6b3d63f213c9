"""Number plates of records: the plate rules of the product under the name that the record contract uses.

Belongs here: nothing of its own. Does not belong here: the rules themselves (``warehouse/plates.py``).
"""

from warehouse.plates import form as form
from warehouse.plates import recognise as recognise
