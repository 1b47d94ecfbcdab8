"""DICOM as bytes and over the wire: ``headers`` and ``frames`` run in the sandbox, ``dicomweb`` speaks PS3.18 (R25)."""
