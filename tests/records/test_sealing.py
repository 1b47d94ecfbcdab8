"""What lies in the store can be read in part, and only whole, in its place, and with the case's own key."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.records.vault.sealing import FRAME, HEAD, TAG, Broken, Opener, seal, sealed_size, span

KEY = os.urandom(32)
SIZES = st.one_of(st.integers(0, 200), st.sampled_from([FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 3 * FRAME + 7]))


@settings(deadline=None, max_examples=60)
@given(SIZES, st.data())
def test_any_part_of_a_sealed_object_can_be_read(size: int, data: st.DataObject) -> None:
    plain = os.urandom(size)
    sealed = seal(KEY, "aa/1", plain)
    opener = Opener(KEY, "aa/1", sealed[:HEAD], size)
    start = data.draw(st.integers(0, max(0, size - 1)))
    stop = data.draw(st.integers(start, size))

    first, last = span(size, start, stop)
    opened = opener.open(start // FRAME, sealed[first:last])
    begins = start // FRAME * FRAME
    assert opened[start - begins : stop - begins] == plain[start:stop]
    assert len(sealed) == sealed_size(size)


@pytest.mark.parametrize(
    "how", ["one bit", "cut", "swapped frames", "another name", "another key", "dropped last frame", "no head"]
)
def test_what_was_tampered_with_does_not_open(how: str) -> None:
    plain = os.urandom(3 * FRAME + 10)
    sealed, name, key, size = bytearray(seal(KEY, "aa/1", plain)), "aa/1", KEY, len(plain)
    frame = FRAME + TAG
    match how:
        case "one bit":
            sealed[HEAD + 70_000] ^= 1
        case "cut":
            del sealed[-5:]
        case "swapped frames":
            one, two = sealed[HEAD : HEAD + frame], sealed[HEAD + frame : HEAD + 2 * frame]
            sealed[HEAD : HEAD + 2 * frame] = two + one
        case "another name":
            name = "aa/2"
        case "another key":
            key = os.urandom(32)
        case "dropped last frame":
            del sealed[HEAD + 3 * frame :]
            size = 3 * FRAME
        case _:
            sealed[:4] = b"PLAN"
    with pytest.raises(Broken):
        Opener(key, name, bytes(sealed[:HEAD]), size).open(0, bytes(sealed[HEAD:]))
