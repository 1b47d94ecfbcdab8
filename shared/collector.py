"""Python's garbage collector, told how our processes live."""

import gc


def spare_the_collector() -> None:
    """Have the garbage collector pass over what start-up made, and look less often.

    A batch, or a request, makes thousands of values that die by themselves; looking for cycles among them cost a third of
    a worker's time (`./consilium bench consumer`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
