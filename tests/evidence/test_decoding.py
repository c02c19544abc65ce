"""Examining bytes: type by content, facts as they stand, flags instead of failures, upright copies without metadata."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from app.services.evidence.decoding import MAX_PIXELS, examine
from app.services.evidence.media_types import (
    BOX_HEAD,
    IMAGES,
    KEPT_AS_IS,
    MOST_BOXES,
    detect_type,
    is_mislabelled,
    type_of_name,
    whole_mp4,
)
from tests.evidence.files import camera_exif, camera_jpeg, drawn, encoded, jpeg_bomb, mp4, png_bomb


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(drawn(), "JPEG"), "image/jpeg"),
        (encoded(drawn(), "PNG"), "image/png"),
        (encoded(drawn(), "WEBP"), "image/webp"),
        (encoded(drawn(), "GIF"), "image/gif"),
        (encoded(drawn(), "TIFF"), "image/tiff"),
        (mp4(), "video/mp4"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "image/heic"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "image/heic"),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif", "image/avif"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", "video/quicktime"),
        (b"%PDF-1.7", "application/pdf"),
        (b"", None),
        (b"ftyp", None),
        ("检查记录".encode(), None),
    ],
)  # fmt: skip
def test_the_type_is_told_by_the_content(content: bytes, expected: str | None) -> None:
    assert detect_type(content) == expected


@pytest.mark.parametrize(
    ("detected", "claims", "expected"),
    [
        ("image/jpeg", ["image/jpeg"], False),
        ("image/jpeg", ["image/jpg; q=1", None, "IMAGE/JPEG"], False),
        ("image/jpeg", ["application/octet-stream", ""], False),
        ("image/heic", ["image/heif"], False),
        ("image/jpeg", ["image/png"], True),
        ("image/jpeg", ["image/jpeg", type_of_name("照片.PNG")], True),
        (None, ["image/jpeg"], True),
        (None, [None], False),
    ],
)
def test_a_claim_of_another_type_is_noticed(
    detected: str | None, claims: list[str | None], expected: bool
) -> None:
    assert is_mislabelled(detected, claims) is expected


@pytest.mark.parametrize("orientation", range(1, 9))
def test_copies_stand_upright_whatever_way_the_camera_was_held(orientation: int) -> None:
    turn = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
            7: "TRANSVERSE", 8: "ROTATE_270"}  # fmt: skip
    held = drawn((1600, 1200))
    if orientation in turn:
        held = held.transpose(Image.Transpose[turn[orientation]])
    found = examine(encoded(held, "JPEG", exif=camera_exif(orientation), quality=90), ["image/jpeg"])
    assert found.facts["orientation"] == orientation
    assert [(copy.pixels, copy.width, copy.height) for copy in found.reduced] == [
        (1280, 1280, 960),
        (320, 320, 240),
    ]
    for copy in found.reduced:
        red, _, blue = opened(copy.content).getpixel((10, 10))  # type: ignore[misc]
        assert red > 150 > blue


def test_copies_carry_no_metadata_at_all() -> None:
    found = examine(camera_jpeg(6), ["image/jpeg"])
    assert found.flags == []
    for copy in found.reduced:
        image = opened(copy.content)
        assert image.format == "JPEG"
        assert dict(image.getexif()) == {}
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        for secret in (b"secret", b"Huawei", b"Exif", b"Mate"):
            assert secret not in copy.content


def test_the_cameras_facts_are_read_as_they_stand() -> None:
    assert examine(camera_jpeg(3), ["image/jpeg"]).facts == {
        "width": 1600,
        "height": 1200,
        "orientation": 3,
        "make": "Huawei",
        "model": "Mate 60",
        "software": "EMUI 9.1",
        "taken_at": "2026-11-25T09:30:00+08:00",
        "gps_at": "2026-11-25T01:30:00Z",
        "position": {"latitude": 30274085, "longitude": 120155070, "datum": None},
    }


def test_broken_facts_are_left_out_and_break_nothing() -> None:
    exif = camera_exif()
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (200.0, 99.0, 1.0)
    exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = "yesterday"
    exif.get_ifd(IFD.Exif)[Base.OffsetTimeOriginal] = "+99:99"
    exif[271] = b"\xff\xfe\x00bad"
    found = examine(encoded(drawn(), "JPEG", exif=exif), [])
    assert found.flags == []
    assert {"position", "taken_at"} & found.facts.keys() == set()
    garbled = bytearray(camera_jpeg())
    at = garbled.index(b"Exif\x00\x00") + 14
    garbled[at : at + 40] = bytes(range(200, 240))
    found = examine(bytes(garbled), [])
    assert (found.flags, len(found.reduced)) == ([], 2)


@pytest.mark.parametrize("bomb", [png_bomb(), jpeg_bomb()], ids=["png", "jpeg"])
def test_a_bomb_is_flagged_and_never_decoded(bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("a bomb was decoded")

    monkeypatch.setattr(Image.Image, "load", decoded)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    found = examine(bomb, [])
    assert (found.flags, found.reduced) == (["too_many_pixels"], [])
    assert len(bomb) < 20_000
    assert MAX_PIXELS == 100_000_000


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_file_cut_short_is_flagged_damaged_without_copies(form: str) -> None:
    whole = encoded(drawn((900, 700)).resize((901, 701)), form)
    found = examine(whole[: len(whole) * 2 // 3], [])
    assert (found.flags, found.reduced) == (["damaged"], [])


def test_a_jpeg_named_png_is_flagged_mislabelled_and_its_facts_are_kept() -> None:
    found = examine(camera_jpeg(), ["image/jpeg", type_of_name("现场.png")])
    assert (found.detected_type, found.flags, found.reduced) == ("image/jpeg", ["mislabelled"], [])
    assert found.facts["make"] == "Huawei"


@pytest.mark.parametrize(
    "content", ["记录".encode(), encoded(drawn(), "GIF"), b"%PDF-1.7 ...", b"MZ\x90\x00"]
)
def test_other_files_are_neither_pictures_nor_films(content: bytes) -> None:
    assert detect_type(content) not in IMAGES | KEPT_AS_IS


def is_whole(content: bytes, size: int | None = None) -> tuple[bool, int]:
    """What is said of a film, and how often it was looked at; what lies beyond `content` is zeros."""
    looking, looks = whole_mp4(size or len(content)), 0
    try:
        at = next(looking)
        while True:
            looks += 1
            at = looking.send(content[at : at + BOX_HEAD] or bytes(BOX_HEAD))
    except StopIteration as ended:
        return ended.value, looks


def test_an_mp4_is_whole_when_its_boxes_fill_it() -> None:
    assert is_whole(mp4()) == (True, 3)
    assert is_whole(mp4()[:-10]) == (False, 3)
    assert is_whole(mp4()[:40]) == (False, 2)
    assert is_whole(b"\x00\x00\x00\x04ftyp") == (False, 1)


def test_a_film_of_gigabytes_or_of_endless_boxes_is_looked_at_a_bounded_number_of_times() -> None:
    rest = 2 * 1024**3
    film = mp4() + b"\x00\x00\x00\x01mdat" + rest.to_bytes(8)
    assert is_whole(film, len(mp4()) + rest) == (True, 4)
    assert is_whole(film, len(mp4()) + rest - 1) == (False, 4)
    pieces = mp4() + b"\x00\x00\x00\x08free" * 10_000
    assert is_whole(pieces) == (True, MOST_BOXES)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "CMYK"])
def test_pictures_of_every_mode_become_plain_jpegs(mode: str) -> None:
    if mode == "I;16":
        picture = Image.new("I;16", (400, 300), 700)
    elif mode == "LA":
        picture = drawn((400, 300), "L").convert("LA")
    else:
        picture = drawn((400, 300), mode)
    content = encoded(picture, "JPEG" if mode == "CMYK" else "PNG")
    found = examine(content, [])
    assert found.flags == []
    assert [opened(copy.content).mode for copy in found.reduced] == ["RGB", "RGB"]


@given(st.binary(max_size=400), st.sampled_from([b"\xff\xd8\xff\xe1\x00\x40Exif\x00\x00", b"\x89PNG\r\n\x1a\n",
       b"RIFF\x40\x00\x00\x00WEBPVP8 ", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
       b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42", b""]))  # fmt: skip
def test_no_bytes_make_an_examination_fail(rest: bytes, start: bytes) -> None:
    found = examine(start + rest, ["image/jpeg"])
    assert found.flags
    assert found.reduced == []


@given(st.binary(min_size=1, max_size=60), st.integers(min_value=20, max_value=600))
def test_a_photograph_with_bytes_overwritten_anywhere_is_flagged_or_read(patch: bytes, at: int) -> None:
    content = bytearray(SMALL)
    content[at : at + len(patch)] = patch
    found = examine(bytes(content), [])
    assert bool(found.flags) != bool(found.reduced)


SMALL = encoded(drawn((64, 48)), "JPEG", exif=camera_exif(6))


@pytest.fixture(scope="module")
def photos(shared_folder: Path) -> Path:
    return shared_folder / "photos"


def test_real_photographs_are_read_without_a_flag(photos: Path) -> None:
    for path in sorted(photos.glob("*.jpg")) + sorted(photos.glob("*.HEIC")):
        found = examine(path.read_bytes(), [type_of_name(path.name)])
        assert found.flags == [], path.name
        assert [copy.pixels for copy in found.reduced] == [1280, 320]


def test_a_real_heic_stands_upright_with_its_facts(photos: Path) -> None:
    found = examine((photos / "iphone_13_pro_max.HEIC").read_bytes(), ["image/heic"])
    assert (found.detected_type, found.facts["model"]) == ("image/heic", "iPhone 13 Pro Max")
    assert (found.reduced[0].width, found.reduced[0].height) == (960, 1280)
    assert found.facts["taken_at"] == "2022-02-16T12:55:41+01:00"


def test_real_positions_are_read_to_the_microdegree(photos: Path) -> None:
    found = examine((photos / "DSCN0010.jpg").read_bytes(), ["image/jpeg"])
    assert found.facts["position"] == {"latitude": 43467448, "longitude": 11885127, "datum": "WGS-84"}


def test_real_phone_orientations_end_upright(photos: Path) -> None:
    shapes = {}
    for name in ("landscape_1", "landscape_6", "portrait_3", "portrait_8"):
        found = examine((photos / f"{name}.jpg").read_bytes(), [])
        shapes[name] = (found.facts["orientation"], found.reduced[1].width > found.reduced[1].height)
    assert shapes == {
        "landscape_1": (1, True),
        "landscape_6": (6, True),
        "portrait_3": (3, False),
        "portrait_8": (8, False),
    }
