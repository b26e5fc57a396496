import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cardiosynth.data.finders.keyframes import keyframes
from cardiosynth.data.readers.dicom import read_series
from cardiosynth.study.errors import InputError
from dicom_files import SPACING_MM, bare, edit, write_series


@pytest.fixture
def files(tmp_path):
    return write_series(tmp_path / "series")


def read(files):
    return read_series(files, "cone")


def stored(image):
    return np.frombuffer(image.PixelData, "<u2").reshape(image.Rows, image.Columns)


def change(files, how):
    for path in files:
        image = pydicom.dcmread(path)
        image.BitsStored, image.HighBit = 12, 11
        how(image)
        image.save_as(path)


def inverted(image):
    image.PixelData, image.PhotometricInterpretation = (4095 - stored(image)).tobytes(), "MONOCHROME1"


def inverted_and_signed(image):
    image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 15, 1
    image.PixelData, image.PhotometricInterpretation = (-1 - stored(image).astype("<i2")).tobytes(), "MONOCHROME1"


def inverted_and_said_twice(image):
    inverted(image)
    image.PresentationLUTShape = "INVERSE"


@pytest.mark.parametrize("how", [inverted, inverted_and_signed, inverted_and_said_twice])
def test_small_values_that_are_bright_give_the_same_images_and_frames(files, how):
    plain = read(files)
    change(files, how)
    cine = read(files)
    assert np.array_equal(cine.frames, plain.frames) and cine.frames.dtype == plain.frames.dtype and cine.doubts == ()
    assert keyframes(cine.frames, SPACING_MM) == keyframes(plain.frames, SPACING_MM)


def test_one_inverted_slice_among_plain_ones_fits_in(files):
    plain = read(files)
    change(files[4:6], inverted)
    assert np.array_equal(read(files).frames, plain.frames)


def test_two_tags_that_contradict_each_other_are_doubted(files):
    for path in files:
        edit(path, PresentationLUTShape="INVERSE")
    assert "10 files with a PresentationLUTShape that contradicts MONOCHROME1 or 2" in read(files).doubts[0]


def test_each_file_has_a_slope_and_an_intercept_of_its_own(files):
    plain = read(files).frames
    for number, path in enumerate(files):
        image = pydicom.dcmread(path)
        slope, intercept = float(image.RescaleSlope), float(image.RescaleIntercept)
        values = np.rint((stored(image) * slope + intercept) / (0.1 + 0.01 * number)).astype("<u2")
        image.PixelData, image.RescaleSlope, image.RescaleIntercept = values.tobytes(), f"{0.1 + 0.01 * number:.2f}", "0"
        image.save_as(path)
    assert read(files).frames == pytest.approx(plain, abs=0.1)
    for path in files:
        edit(path, RescaleSlope="1", RescaleIntercept=None)
    cine = read(files)
    assert cine.frames.dtype == np.uint16 and cine.frames[0, 0].tolist() == stored(pydicom.dcmread(files[0])).tolist()


def as_rle(image):
    image.compress(RLELossless, generate_instance_uid=False)


def as_jpeg2000(image):
    out = io.BytesIO()
    Image.fromarray(stored(image)).save(out, "JPEG2000", irreversible=False, no_jp2=True)
    encapsulated(image, out.getvalue(), JPEG2000Lossless)


def encapsulated(image, data, syntax):
    image.PixelData, image.file_meta.TransferSyntaxUID = encapsulate([data]), syntax
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True


def rewritten(syntax, swap=False):
    def how(image):
        image.file_meta.TransferSyntaxUID = syntax
        if swap:
            image.PixelData = stored(image).astype(">u2").tobytes()

    return how


@pytest.mark.parametrize("how", [as_rle, as_jpeg2000, rewritten(ImplicitVRLittleEndian), rewritten(DeflatedExplicitVRLittleEndian)])
def test_however_the_pixels_are_written_they_are_the_same(files, how):
    plain = read(files).frames
    change(files, how)
    assert np.array_equal(read(files).frames, plain)


def test_big_endian_is_read(files):
    plain = read(files).frames
    for path in files:
        image = pydicom.dcmread(path)
        rewritten(ExplicitVRBigEndian, swap=True)(image)
        pydicom.dcmwrite(path, image, implicit_vr=False, little_endian=False, force_encoding=True)
    assert np.array_equal(read(files).frames, plain)


def test_a_file_without_its_transfer_syntax_is_read_as_it_is_written(files):
    plain = read(files).frames
    for path in files:
        bare(path)
    assert np.array_equal(read(files).frames, plain)


@pytest.mark.parametrize(
    "syntax, package",
    [
        (JPEGLosslessSV1, "pylibjpeg-libjpeg"),
        (JPEGLSLossless, "pylibjpeg-libjpeg"),
        ("1.2.840.10008.1.2.4.201", "pylibjpeg-openjpeg"),
        ("1.2.840.10008.1.2.4.100", "export the scan"),
    ],
)
def test_a_decoder_that_is_not_installed_is_named(files, syntax, package):
    change(files, lambda image: encapsulated(image, b"\xff\xd8\xff\xc3" + bytes(100) + b"\xff\xd9", syntax))
    message = rf"IM-0001-0001.dcm: the pixels are compressed as .*{syntax}.* no decoder is installed; .*{package}"
    with pytest.raises(InputError, match=message) as caught:
        read(files)
    assert "download" not in str(caught.value)


def corrupt(image):
    as_jpeg2000(image)
    image.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(60)])


def terabytes(image):
    as_rle(image)
    image.Rows = image.Columns = 65535


def floating(image):
    image.FloatPixelData = stored(image).astype("<f4").tobytes()
    image.BitsAllocated = 32
    del image.PixelData


def look_up_table(image):
    table = pydicom.Dataset()
    table.LUTDescriptor, table.ModalityLUTType, table.LUTData = [16, 0, 16], "US", bytes(32)
    image.ModalityLUTSequence = [table]


BAD = [
    (lambda image: setattr(image, "RescaleSlope", "0"), r"RescaleSlope is 0, which makes every pixel alike"),
    (lambda image: setattr(image, "RescaleIntercept", [1, 2]), r"RescaleIntercept is \[1.0, 2.0\]; expected 1 finite number"),
    (lambda image: setattr(image, "PhotometricInterpretation", "GREY"), r"PhotometricInterpretation is GREY with 1 samples a pixel; expected MONO"),
    (lambda image: setattr(image, "BitsAllocated", 1), r"BitsAllocated is 1; expected 8, 16 or 32"),
    (lambda image: setattr(image, "BitsStored", 40), r"the pixels cannot be read"),
    (lambda image: setattr(image, "PixelData", image.PixelData + bytes(80)), r"holds 3920 bytes of pixels where 40 rows, 48 columns and "),
    (lambda image: setattr(image, "PixelData", image.PixelData[:-80]), r"holds 3760 bytes of pixels where 40 rows, 48 columns and .* need 3840"),
    (corrupt, r"the pixels, compressed as JPEG 2000 .*, cannot be decoded .*; if the file is whole, install pylibjpeg and pylibjpeg-openjpeg"),
    (floating, r"the pixels are of another kind \(FloatPixelData\)"),
    (lambda image: delattr(image, "PixelData"), r"the pixels are absent; is the download complete\?"),
    (look_up_table, r"the pixels go through a ModalityLUTSequence, which is not read"),
]


@pytest.mark.parametrize("how, message", BAD)
def test_pixels_that_cannot_be_meant_get_one_sentence(files, how, message):
    change(files[3:4], how)
    with pytest.raises(InputError, match=rf"IM-0001-0004.dcm: {message}") as caught:
        read(files)
    assert "\n" not in str(caught.value)


def test_a_header_that_claims_terabytes_is_refused_before_they_are_allocated(files):
    change(files, terabytes)
    with pytest.raises(InputError, match=r"65535 rows, 65535 columns and BitsAllocated 16 claim 8590 MB in a file of 0.00\d MB"):
        read(files)


def test_compressed_pixels_whose_transfer_syntax_is_lost_are_not_taken_for_plain_ones(files):
    for path in files:
        image = pydicom.dcmread(path)
        as_rle(image)
        out = pydicom.filebase.DicomBytesIO()
        out.is_little_endian, out.is_implicit_VR = True, False
        pydicom.filewriter.write_dataset(out, pydicom.Dataset(image))
        path.write_bytes(out.getvalue())
    with pytest.raises(InputError, match="the pixels are compressed, and TransferSyntaxUID, which says how, is absent"):
        read(files)
