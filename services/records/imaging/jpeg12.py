"""JPEG Extended of 12 bits (transfer syntax 1.2.840.10008.1.2.4.51), as a plugin of pydicom: decoded by GDCM.

pydicom asks GDCM for 8 bits of it alone. GDCM reads 12 too; that what it makes is right, the tests compare with what
libjpeg-turbo makes. Runs in the sandbox.
"""

import gdcm
from pydicom.pixels.decoders.base import DecodeRunner, JPEGExtended12BitDecoder
from pydicom.uid import JPEGExtended12Bit

DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("gdcm>=3.0.24",)}


def is_available(uid: str) -> bool:
    """Return whether this decodes a transfer syntax."""
    return uid == JPEGExtended12Bit


def decode(src: bytes, runner: DecodeRunner) -> bytes | bytearray:
    """Return a frame of grey values, two bytes each, little endian. Raises ``ValueError``: it is something else, or broken."""
    if runner.samples_per_pixel != 1 or runner.bits_allocated != 16:
        raise ValueError("only grey pictures of more than 8 bits")
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((runner.columns, runner.rows, 1))
    image.SetDataElement(_element(src))
    kind = gdcm.PhotometricInterpretation.GetPIType(str(runner.photometric_interpretation))
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    syntax = gdcm.TransferSyntax.GetTSType(str.__str__(runner.transfer_syntax))
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    stored = runner.bits_stored
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, stored, stored - 1, runner.pixel_representation))
    frame: bytes = image.GetBuffer().encode("utf-8", "surrogateescape")
    if len(frame) != runner.rows * runner.columns * 2:
        raise ValueError("the picture is not whole")
    return frame


def _element(src: bytes) -> gdcm.DataElement:
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(src)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    return element


JPEGExtended12BitDecoder.add_plugin("gdcm12", (__name__, "decode"))
